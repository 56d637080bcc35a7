"""An API made of a declarative manifest: pages as its paginators and selectors expect them.

It reads the manifest by itself, as far as it must, so that it does not share the importer's errors.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

#: Rows of every list; pages have three of them.
COUNT, SIZE = 7, 3
#: What has no components inside, so that no parameters reach it.
_PLAIN = {"schema", "request_headers"}
_PARAMETER = re.compile(
    r"\{\{\s*parameters(?:\[\s*['\"](\w+)['\"]\s*\]"
    r"|\.get\(\s*['\"](\w+)['\"](?:\s*,\s*['\"](\w+)['\"])?\s*\)|\.(?!get\b)(\w+))\s*\}\}"
)
_KEYS = re.compile(
    r"""\[\s*['"]([^'"]+)['"]\s*\]|\.get\(\s*['"]([^'"]+)['"]|\.([A-Za-z_]\w*)(?!\w*\()"""
)


@dataclass(slots=True)
class Stream:
    """One list of the API."""

    name: str
    fields: dict[str, Any]
    rows: list[dict[str, Any]]
    path: re.Pattern[str]
    parent: "Stream | None" = None
    #: Requests that were not what the manifest asks for.
    faults: list[str] = field(default_factory=list)


def followed(manifest: Mapping[str, Any], value: Any, parameters: Mapping[str, Any]) -> Any:
    """Return a value with references followed, and parameters put in where they are named."""
    match value:
        case str() if value.startswith("#/"):
            return followed(manifest, _at(manifest, value), parameters)
        case str():
            return _parameters(value, parameters)
        case {"$ref": str(reference), **own}:
            target = _at(manifest, reference)
            whole = {**target, **own} if isinstance(target, dict) else target
            return followed(manifest, whole, parameters)
        case dict():
            inner = {**parameters, **(value.get("$parameters") or {})}
            every = {
                k: v if k in _PLAIN else followed(manifest, v, inner)
                for k, v in value.items()
                if k != "$parameters"
            }
            for k in _PLAIN & set(every):
                every[k] = followed(manifest, every[k], {})
            return {**every, **{k: v for k, v in inner.items() if k not in every}}
        case list():
            return [followed(manifest, each, parameters) for each in value]
        case _:
            return value


def _at(manifest: Mapping[str, Any], reference: str) -> Any:
    value: Any = manifest
    for step in reference.removeprefix("#/").split("/"):
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def _parameters(text: str, parameters: Mapping[str, Any]) -> str:
    def put(match: re.Match[str]) -> str:
        name = match[1] or match[2] or match[4]
        return str(parameters.get(name, match[3] or ""))

    return _PARAMETER.sub(put, text)


def keys_of(expression: str) -> list[str]:
    """Return the names that lead to what a Jinja expression reads."""
    return [a or b or c for a, b, c in _KEYS.findall(expression) if (a or b or c) != "get"]


class ManifestApi:
    """Answers as the API that a manifest describes; one list at a time, and the lists above it."""

    def __init__(self, manifest: Mapping[str, Any], schemas: Mapping[str, Any]) -> None:
        self.manifest = manifest
        self.schemas = schemas
        self.current: Stream | None = None
        self.url = ""
        self.asked: list[web.Request] = []

    def read(self, name: str) -> Stream:
        """Answer for a stream from now on; return it."""
        self.asked.clear()
        for listed in self.manifest["streams"]:
            stream = followed(self.manifest, listed, {})
            if _name(stream) == name:
                self.current = self._stream(stream)
                return self.current
        parents = [
            self._stream(followed(self.manifest, s, {})).parent for s in self.manifest["streams"]
        ]
        self.current = next(p for p in parents if p is not None and p.name == name)
        return self.current

    def _stream(self, fields: dict[str, Any]) -> Stream:
        retriever = fields["retriever"]
        requester = retriever["requester"]
        router = retriever.get("partition_router") or retriever.get("stream_slicer")
        router = router[0] if isinstance(router, list) and router else router
        parent = None
        if router and router.get("parent_stream_configs"):
            parent = self._stream(router["parent_stream_configs"][0]["stream"])
        base = str(requester.get("url_base") or requester.get("url") or "")
        base = re.sub(r"^\s*(https?://[^/]*|\{\{.*?\}\})", "", base, flags=re.DOTALL)
        path = str(requester.get("path") or "").partition("?")[0]
        whole = f"{base.rstrip('/')}/{path.lstrip('/')}".rstrip("/")
        literal = re.split(r"\{\{.*?\}\}", whole)
        pattern = "[^/]*".join(re.escape(part) for part in literal)
        name = _name(fields)
        return Stream(
            name=name,
            fields=fields,
            rows=_rows(self._schema(fields, name), fields.get("incremental_sync") or {}),
            path=re.compile(f"{pattern}/?"),
            parent=parent,
        )

    def _schema(self, fields: dict[str, Any], name: str) -> Any:
        loader = fields.get("schema_loader") or {}
        if loader.get("schema"):
            return loader["schema"]
        file = str(loader.get("file_path") or f"{name}.json").rpartition("/")[2]
        return self.schemas[file]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Return a page."""
        self.asked.append(request)
        stream = self.current
        while stream is not None and not stream.path.fullmatch(request.path):
            stream = stream.parent
        if stream is None:
            return web.json_response({"error": f"there is no {request.path}"}, status=404)
        self._check(stream, request)
        body = await _body(request)
        return self._page(stream, request, body)

    def _check(self, stream: Stream, request: web.Request) -> None:
        requester = stream.fields["retriever"]["requester"]
        if request.method != str(requester.get("http_method", "GET")).upper():
            stream.faults.append(f"asked by {request.method}")
        signed = requester.get("authenticator") or {}
        if signed.get("type") == "SelectiveAuthenticator":
            signed = next(iter(signed["authenticators"].values()))
        into = signed.get("inject_into") or {}
        match signed.get("type"):
            case "BearerAuthenticator" | "OAuthAuthenticator":
                good = request.headers.get("Authorization", "").startswith("Bearer ")
            case "BasicHttpAuthenticator":
                good = request.headers.get("Authorization", "").startswith("Basic ")
            case "ApiKeyAuthenticator" if into.get("inject_into") == "request_parameter":
                good = bool(request.query.get(into["field_name"]))
            case "ApiKeyAuthenticator":
                good = bool(request.headers.get(into.get("field_name") or signed["header"]))
            case _:
                good = True
        if not good:
            stream.faults.append(f"no proof of {signed.get('type')}")

    def _page(self, stream: Stream, request: web.Request, body: Mapping[str, Any]) -> web.Response:
        retriever = stream.fields["retriever"]
        paginator = retriever.get("paginator") or {}
        strategy = paginator.get("pagination_strategy") or {}
        option = paginator.get("page_token_option") or {}
        by_path = option.get("type") == "RequestPath" or option.get("inject_into") == "path"
        name = "standin_token" if by_path else _field(option) or _asked_name(retriever)
        given = body.get(name) if str(option.get("inject_into")).startswith("body") else None
        given = given if given is not None else request.query.get(name)
        kind = strategy.get("type")
        cursor = str(strategy.get("cursor_value") or "")
        rows = stream.rows
        size = SIZE if kind else COUNT
        match kind:
            case "PageIncrement":
                start = int(strategy.get("start_from_page") or 0)
                begin = (int(given) - start if given is not None else 0) * size
            case "OffsetIncrement":
                begin = int(given or 0)
            case "CursorPagination" if re.search(r"last_record", cursor):
                key = keys_of(cursor)[-1]
                known = [str(_into(row, [key])) for row in rows]
                begin = known.index(str(given)) + 1 if given is not None else 0
            case "CursorPagination" if re.search(r"\+\s*1", cursor):
                begin = (int(given or 1) - 1) * size
            case _:
                begin = int(str(given or "0").removeprefix("at"))
        end = begin + size
        content = self._content(retriever, rows[begin:end])
        more = end < len(rows)
        headers: dict[str, str] = {}
        if kind == "CursorPagination":
            at = _link(self.url, request, end) if by_path else f"at{end}"
            value: Any = at if more else None
            if re.search(r"\+\s*1", cursor):
                value = begin // size + 1
            if cursor.strip().removeprefix("{{").strip().startswith("headers"):
                if more:
                    headers["Link"] = f'<{at}>; rel="next"'
            elif "last_record" not in cursor and isinstance(content, dict):
                _put(content, keys_of(cursor), value)
            _put_more(
                content, str(strategy.get("stop_condition") or ""), keys_of(cursor), more=more
            )
        return web.json_response(content, headers=headers)

    def _content(self, retriever: dict[str, Any], rows: list[dict[str, Any]]) -> Any:
        path = [
            str(step)
            for step in retriever["record_selector"]["extractor"].get("field_path") or []
            if step
        ]
        content: Any = rows
        if "*" in path:
            place = path.index("*")
            below = path[place + 1 :]
            for step in reversed(below):
                content = [{step: row} for row in content]
            path = path[:place]
        for step in reversed(path):
            content = {step: content}
        return content


def _link(url: str, request: web.Request, end: int) -> str:
    kept = {k: v for k, v in request.query.items() if k != "standin_token"}
    return f"{url}{request.rel_url.raw_path}?{urlencode({**kept, 'standin_token': end})}"


async def _body(request: web.Request) -> Mapping[str, Any]:
    if request.method != "POST":
        return {}
    if request.content_type == "application/json":
        content = await request.json()
        flat = dict(content)
        for value in content.values():
            flat |= value if isinstance(value, dict) else {}
        return flat
    return dict(await request.post())


def _name(stream: Mapping[str, Any]) -> str:
    return re.sub(r"[\s.{}\[\]\"']+", "_", str(stream.get("name")))


def _field(option: Mapping[str, Any]) -> str:
    path = option.get("field_path")
    return str(path[-1]) if path else str(option.get("field_name") or "")


def _asked_name(retriever: Mapping[str, Any]) -> str:
    given = retriever["requester"].get("request_parameters") or {}
    return next((n for n, v in given.items() if "next_page_token" in str(v)), "")


def _into(row: Mapping[str, Any], path: list[str]) -> Any:
    value: Any = row
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _put(content: dict[str, Any], path: list[str], value: Any) -> None:
    path = [step for step in path if step != "response"]
    for step in path[:-1]:
        inner = content.get(step)
        content[step] = inner if isinstance(inner, dict) else {}
        content = content[step]
    if value is not None:
        content[path[-1]] = value


def _put_more(content: Any, condition: str, cursor: list[str], *, more: bool) -> None:
    """Say on the page whether there is another, where the stop condition looks for it."""
    for text in re.findall(r"not\s+(response[\w.\[\]'\"]*)", condition):
        path = keys_of(text)
        if path and path != cursor[: len(path)] and isinstance(content, dict):
            _put(content, path, more)


def _rows(schema: Mapping[str, Any], cursor: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return rows that a schema allows; keys and texts differ from row to row."""
    rows = [
        {name: _value(name, inner, number) for name, inner in schema["properties"].items()}
        for number in range(1, COUNT + 1)
    ]
    forms = cursor.get("cursor_datetime_formats") or [cursor.get("datetime_format")]
    for number, row in enumerate(rows, 1):
        field_ = cursor.get("cursor_field")
        if isinstance(row.get(str(field_)), str) and "%" in str(forms[0]):
            row[str(field_)] = datetime(2026, 1, 1, number, tzinfo=UTC).strftime(str(forms[0]))
    return rows


def _value(name: str, schema: Any, number: int) -> Any:
    schema = schema if isinstance(schema, dict) else {}
    union = schema.get("anyOf") or schema.get("oneOf")
    if union and not schema.get("type"):
        return _value(name, next(e for e in union if e.get("type") != "null"), number)
    given = schema.get("type")
    kinds = [kind for kind in (given if isinstance(given, list) else [given]) if kind != "null"]
    plain: dict[str | None, Any] = {
        "integer": number,
        "number": number if name == "id" else number + 0.5,
        "boolean": number % 2 == 0,
        "array": [{"a": number}, "b"],
        "string": _text(name, schema, number),
    }
    kind = kinds[0] if kinds else None
    if kind in plain:
        return plain[kind]
    properties = schema.get("properties") or {"x": {"type": "integer"}}
    return {inner: _value(inner, below, number) for inner, below in properties.items()}


def _text(name: str, schema: Mapping[str, Any], number: int) -> str:
    moment = re.search(r"(_at|_on|_?date|time|At|On|Date)$", name)
    match schema.get("format"):
        case "date":
            return f"2026-01-0{number}"
        case form if form == "date-time" or moment:
            return f"2026-01-01T0{number}:00:00Z"
        case _:
            return f"{name} {number}"
