"""One RSD file as a table of a profile."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from syncline.profile.cdata.script import Element
from syncline.profile.cdata.texts import Inputs, Refused, default_of, only_input, template
from syncline.profile.part import NAME

_TYPES: Mapping[str, str] = {
    "string": "string", "varchar": "string", "text": "string", "guid": "string",
    "int": "integer", "integer": "integer", "long": "integer", "bigint": "integer",
    "short": "integer", "smallint": "integer", "tinyint": "integer", "byte": "integer",
    "double": "number", "float": "number", "real": "number",
    "boolean": "boolean", "bool": "boolean", "bit": "boolean",
    "datetime": "datetime", "timestamp": "datetime", "date": "date", "time": "time",
}  # fmt: skip
#: Elements that say something which profiles have words for.
_KNOWN = {"api:info", "attr", "input", "output", "api:set", "api:call", "api:push", "api:script",
          "api:validate"}  # fmt: skip
_READS = {"", "get", "select"}
_NAME = re.compile(NAME)
_NUMBERED = re.compile(
    r"(header:name|header:value|paramname|paramvalue|elementmappath|elementmapname)#(\d+)"
)
_MOST_DIGITS = 38


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A table, and the address that it is below."""

    base_url: str
    table: dict[str, Any]


def schema_of(script: Element, inputs: Inputs, note: Callable[[str], None]) -> Schema:
    """Return the table of an RSD file. Raises `Refused`."""
    info = next((e for e in script.inside if e.tag == "api:info"), None)
    if info is None:
        raise Refused("it has no api:info")
    sets, operation, validated = _settings_of(script, note)
    uri = sets.get("uri") or sets.get("url") or ""
    base, path, query = _address(uri, inputs)
    form = _format(operation, sets.get("contenttype", ""))
    records = _steps(sets.get("repeatelement") or sets.get("xpath") or "/", form)
    columns, key = _columns(
        info, records, form, _pairs(sets, "elementmapname", "elementmappath"), note
    )
    table: dict[str, Any] = {"path": path}
    if info.get("desc"):
        table["description"] = info.get("desc")
    if form != "json":
        table["format"] = {"type": form}
    table["records"] = ".".join(records)
    table["answer"] = "either"
    headers = _texts(_pairs(sets, "header:name", "header:value"), inputs, "a header")
    if headers:
        table["headers"] = headers
    given = {**query, **_pairs(sets, "paramname", "paramvalue")}
    parameters = {
        n: v for n, v in given.items() if only_input(v) is None or default_of(v) is not None
    }
    plain = {n: default_of(v) or v for n, v in parameters.items()}
    fixed = _texts(plain, inputs, "a parameter")
    if fixed:
        table["parameters"] = fixed
    posting = _posting(sets, list(given))
    if posting:
        table["posting"] = posting
    if key:
        table["primary_key"] = key
    filters = _filters(given, info, columns, validated)
    if filters:
        table["filters"] = filters
    table |= _paging(sets, form, note)
    table["columns"] = columns
    return Schema(base_url=base, table=table)


def _settings_of(
    script: Element, note: Callable[[str], None]
) -> tuple[dict[str, str], str, set[str]]:
    """Return what reading sets, by names in lower case, its operation, and inputs it must have."""
    sets: dict[str, str] = {}
    validated: set[str] = set()
    operations: list[str] = []
    for element in _reading(script, note):
        match element.tag:
            case "api:set":
                sets[element.get("attr").lower()] = element.get("value")
            case "api:call":
                operations.append(element.get("op"))
            case "api:validate":
                validated.add(element.get("attr").removeprefix("_input.").lower())
            case tag if tag not in _KNOWN:
                raise Refused(f"the script's {tag}")
            case _:
                pass
    if len(operations) > 1:
        raise Refused(f"several api:call: {', '.join(operations)}")
    return sets, operations[0] if operations else "", validated


def _reading(script: Element, note: Callable[[str], None]) -> Iterator[Element]:
    """Yield what is done for a SELECT, in order; other methods are noted."""
    for element in script.inside:
        method = element.get("method").lower()
        if element.tag == "api:info":
            continue
        if element.tag == "api:script" and method not in _READS:
            note(f"the method {method.upper()} is left out: tables are only read")
            continue
        if element.tag != "api:push":
            yield element
        yield from _reading(element, note)


def _address(uri: str, inputs: Inputs) -> tuple[str, str, dict[str, str]]:
    """Return base, path and query of an address."""
    if not uri:
        raise Refused("it sets no uri")
    address, _, query = uri.partition("?")
    named = re.fullmatch(r"((?:https?://|\[)[^/]*)(/.*)?", template(address, inputs, "the uri"))
    if named is None and address.startswith("["):
        named = re.fullmatch(r"(\{\w+\})(.*)", template(address, inputs, "the uri"))
    if named is None:
        raise Refused(f"the uri {uri!r}")
    return named[1], named[2] or "/", dict(parse_qsl(query, keep_blank_values=True))


def _format(operation: str, content_type: str) -> str:
    for word in ("json", "xml", "csv"):
        if word in operation.lower():
            return word
    return "xml" if "xml" in content_type.lower() else "json"


def _steps(path: str, form: str) -> list[str]:
    """Return the steps of a path; the root of JSON, which CData calls ``json``, is none."""
    steps = [re.sub(r"\[[\d*]*\]$", "", step) for step in path.strip().split("/") if step]
    if form == "json" and steps[:1] == ["json"] and path.startswith("/"):
        steps = steps[1:]
    if any("." in step or "[" in step or "*" in step or not step for step in steps):
        raise Refused(f"the path {path!r}")
    return steps


def _columns(
    info: Element,
    records: list[str],
    form: str,
    mapped: Mapping[str, str],
    note: Callable[[str], None],
) -> tuple[dict[str, Any], list[str]]:
    columns: dict[str, Any] = {}
    key: list[str] = []
    for attr in (e for e in info.inside if e.tag == "attr"):
        name = attr.get("name")
        if not _NAME.match(name):
            note(f"the column {name!r} is left out: its name")
            continue
        given = attr.get("other:xpath") or attr.get("api:xpath") or mapped.get(name) or name
        try:
            steps = _steps(given, form)
        except Refused as refused:
            note(f"the column {name!r} is left out: {refused}")
            continue
        if given.startswith("/"):
            if steps[: len(records)] != records or len(steps) == len(records):
                note(f"the column {name!r} is left out: {given} is outside of the record")
                continue
            steps = steps[len(records) :]
        for hint in sorted(a for a in attr.attributes if a.startswith("other:")):
            if hint != "other:xpath":
                note(f"{name}: the hint {hint} is left out")
        columns[name] = _column(attr, steps, name)
        if attr.get("key").lower() == "true":
            key.append(name)
    if not columns:
        raise Refused("it names no columns")
    return columns, key


def _column(attr: Element, steps: list[str], name: str) -> Any:
    column: dict[str, Any] = {"type": _type(attr)}
    if steps != [name]:
        column["path"] = ".".join(steps)
    size = attr.get("columnsize")
    if column["type"] == "string" and size.isdecimal() and int(size) > 0:
        column["size"] = int(size)
    if attr.get("desc"):
        column["description"] = " ".join(attr.get("desc").split())
    return column if len(column) > 1 else column["type"]


def _type(attr: Element) -> str:
    kind = (attr.get("xs:type") or "string").lower().removeprefix("xs:")
    size, digits = attr.get("columnsize"), attr.get("decimaldigits")
    if kind in {"decimal", "numeric"}:
        if size.isdecimal() and digits.isdecimal() and 0 < int(size) <= _MOST_DIGITS:
            return f"decimal({int(size)},{int(digits)})"
        return "number"
    return _TYPES.get(kind, "json")


def _pairs(sets: Mapping[str, str], names: str, values: str) -> dict[str, str]:
    """Return what ``name#1``, ``value#1`` and so on say."""
    found: dict[str, dict[str, str]] = {}
    for attribute, text in sets.items():
        numbered = _NUMBERED.fullmatch(attribute)
        if numbered:
            found.setdefault(numbered[2], {})[numbered[1]] = text
    return {e[names]: e[values] for e in found.values() if names in e and values in e}


def _texts(given: Mapping[str, str], inputs: Inputs, what: str) -> dict[str, str]:
    return {name: template(text, inputs, f"{what} {name}") for name, text in given.items()}


def _posting(sets: Mapping[str, str], parameters: list[str]) -> dict[str, Any] | None:
    method = sets.get("method", "GET").upper()
    if method not in {"GET", "POST"}:
        raise Refused(f"reading by {method}")
    if sets.get("data"):
        raise Refused("the body in 'data'")
    if method == "GET":
        return None
    return {"type": "json"} | ({"in_address": parameters} if parameters else {})


def _filters(
    given: Mapping[str, str], info: Element, columns: dict[str, Any], validated: set[str]
) -> dict[str, Any]:
    """Return filters by the inputs that are parameters of the request."""
    types = {e.get("name").lower(): e for e in info.inside if e.tag in {"input", "attr"}}
    names = {name.lower(): name for name in columns}
    found: dict[str, Any] = {}
    for parameter, text in given.items():
        wanted = only_input(text)
        if wanted is None or default_of(text) is not None:
            continue
        described = types.get(wanted.lower())
        each: dict[str, Any] = {"parameter": parameter, "exact": False}
        if wanted.lower() in validated or (
            described is not None and described.get("required").lower() == "true"
        ):
            each["required"] = True
        if wanted.lower() not in names:
            kind = _type(described) if described is not None else "string"
            each["type"] = "string" if kind == "json" else kind
        found[names.get(wanted.lower(), wanted)] = each
    return found


def _paging(sets: Mapping[str, str], form: str, note: Callable[[str], None]) -> dict[str, Any]:
    """Return pagination and page size, by the attributes of paging."""
    size = sets.get("pagesize", "")
    page: dict[str, Any] = {"size": int(size)} if size.isdecimal() and int(size) else {}
    if page and sets.get("pagesizeparam"):
        page["parameter"] = sets["pagesizeparam"]
    pagination: dict[str, Any]
    if sets.get("enablepaging", "true").lower() == "false":
        pagination = {"type": "none"}
    elif sets.get("pageurlpath"):
        pagination = {"type": "next_link", "path": ".".join(_steps(sets["pageurlpath"], form))}
    elif sets.get("pagetokenpath") and sets.get("pagetokenparam"):
        path = ".".join(_steps(sets["pagetokenpath"], form))
        pagination = {"type": "token", "path": path, "parameter": sets["pagetokenparam"]}
    elif sets.get("pageoffsetparam"):
        pagination = {"type": "offset", "parameter": sets["pageoffsetparam"]}
    elif sets.get("pagenumberparam"):
        pagination = {"type": "page_number", "parameter": sets["pagenumberparam"]}
    else:
        note("no attribute of paging is known: only the first page is read")
        pagination = {"type": "none"}
    return {"pagination": pagination} | ({"page": page} if page else {})
