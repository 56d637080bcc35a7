"""The stand-in Clio Manage v4: lists, single rows, errors and headers."""

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode

import msgspec
from aiohttp import web

from syncline.sandbox import describe, values
from syncline.sandbox.clio_conditions import ArgumentError
from syncline.sandbox.clio_fields import InvalidFieldsError, Projection
from syncline.sandbox.clio_query import Asked, MissingFilterError, split
from syncline.sandbox.limits import Verdict
from syncline.sandbox.world import World

PREFIX = "/api/v4/"
# A path's parameter: the reference of the children, and the table of the parents.
_PARENTS = {
    "contact_id": ("contact", "contacts"),
    "matter_id": ("matter", "matters"),
    "jurisdiction_id": ("jurisdiction", "court_rules_jurisdictions"),
    "id": ("document", "documents"),
}
_INVALID_TOKEN = {
    "error": "invalid_token",
    "error_description": (
        "The access token provided is expired, revoked, malformed or invalid for other reasons."
    ),
}


def _patterns() -> list[tuple[re.Pattern[str], describe.ClioList, str | None]]:
    """Addresses of lists, the ones without parents first."""
    found: list[tuple[re.Pattern[str], describe.ClioList, str | None]] = []
    for entry in describe.clio().lists:
        parameter = re.search(r"\{(\w+)\}", entry.path)
        pattern = re.sub(r"\{\w+\}", "(?P<parent>[^/]+)", entry.path)
        found.append((re.compile(pattern), entry, parameter[1] if parameter else None))
    return found


_LISTS = _patterns()
_STATIC = {entry.path: entry for _, entry, parameter in _LISTS if parameter is None}
_CHILDREN = [
    (pattern, entry, parameter) for pattern, entry, parameter in _LISTS if parameter is not None
]


def error(status: int, kind: str, message: str) -> web.Response:
    return _json({"error": {"type": kind, "message": message}}, status=status)


def _json(body: object, *, status: int = 200) -> web.Response:
    return _bytes(msgspec.json.encode(body), status=status)


def _bytes(body: bytes, *, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


async def answer(request: web.Request, world: World) -> web.Response:
    """One Clio API request, from token to body."""
    token = request.headers.get("Authorization", "").partition(" ")[2]
    if not world.tokens.valid(token):
        refused = _json(_INVALID_TOKEN, status=401)
        refused.headers["WWW-Authenticate"] = 'Bearer realm="Clio", error="invalid_token"'
        return refused
    world.counters.tokens[token] += 1
    verdict = _limit(world, token)
    if verdict is not None and not verdict.allowed:
        response = error(429, "RateLimited", f"Rate limit of {verdict.limit} requests exceeded.")
        response.headers["Retry-After"] = str(verdict.retry_after)
    else:
        response = await _versioned(request, world)
    if verdict is not None:
        response.headers["X-RateLimit-Limit"] = str(verdict.limit)
        response.headers["X-RateLimit-Remaining"] = str(verdict.remaining)
        response.headers["X-RateLimit-Reset"] = str(
            int(world.clock.now() + verdict.reset_in + 0.999)
        )
    return response


def _limit(world: World, token: str) -> Verdict | None:
    options = world.options
    if options.rate_limit <= 0:
        return None
    return world.windows.take(
        token, limit=options.rate_limit, window=options.rate_window, now=world.clock.elapsed()
    )


async def _versioned(request: web.Request, world: World) -> web.Response:
    versions = world.options.api_versions
    version = request.headers.get("X-API-VERSION", versions[-1])
    if version not in versions:
        return error(410, "InvalidVersion", f"The API version {version} is not available.")
    try:
        written = await _webhooks(request, world)
        if written is None and request.method != "GET":
            return error(405, "MethodNotAllowed", "The sandbox answers GET only.")
        response = written or _routed(request, world)
    except InvalidFieldsError as invalid:
        response = error(400, "InvalidFields", str(invalid))
    except MissingFilterError as missing:
        response = error(400, "ArgumentError", str(missing))
    except ArgumentError as wrong:
        response = error(422, "ArgumentError", f"An invalid argument was supplied: {wrong}")
    response.headers["X-API-VERSION"] = version
    return response


async def _webhooks(request: web.Request, world: World) -> web.Response | None:
    """Answer what is written to webhooks, or is about one that was; None: it is something else."""
    path = request.path.removeprefix(PREFIX).removesuffix(".json").strip("/")
    head, _, tail = path.partition("/")
    if head != "webhooks" or (request.method == "GET" and not tail):
        return None
    kept, fields = world.webhooks, request.query.get("fields", "")
    if request.method == "POST" and not tail:
        made = kept.create(await _data(request))
        return _json({"data": kept.shown(made, fields)}, status=201)
    identity, _, action = tail.partition("/")
    found = kept.find(identity)
    if found is None:
        # Rows that were made up are there to be read only.
        return None if request.method == "GET" else _not_found(path)
    response = _json({"data": kept.shown(found, fields)})
    match request.method, action:
        case "PUT", "activate":
            if not kept.activate(found, request.headers.get("X-Hook-Secret", "")):
                response = error(403, "ForbiddenError", "The secret is another one.")
        case "PATCH", "":
            kept.change(found, await _data(request))
            response = _json({"data": kept.shown(found, fields)})
        case "DELETE", "":
            kept.delete(found)
            response = web.Response(status=204)
        case method, _ if method != "GET" or action:
            response = _not_found(path)
    return response


async def _data(request: web.Request) -> dict[str, object]:
    try:
        body = msgspec.json.decode(await request.read(), type=dict[str, dict[str, object]])
    except msgspec.DecodeError:
        raise ArgumentError("the body is not {data: {…}}") from None
    return body.get("data", {})


def _routed(request: web.Request, world: World) -> web.Response:
    path = request.path.removeprefix(PREFIX).removesuffix(".json").strip("/")
    entry = _STATIC.get(path)
    if entry is not None:
        return _list(request, world, Asked(entry=entry, parameters=_parameters(request)))
    if path == "users/who_am_i":
        return _single(
            request, world, _STATIC["users"], str(world.clio.tables["users"].identity(0))
        )
    for pattern, child, parameter in _CHILDREN:
        found = pattern.fullmatch(path)
        if found is not None and parameter is not None:
            reference, table = _PARENTS[parameter]
            row = world.clio.tables[table].find(found["parent"])
            if row is None:
                return _not_found(path)
            parent = (reference, row)
            return _list(
                request, world, Asked(entry=child, parameters=_parameters(request), parent=parent)
            )
    head, _, tail = path.rpartition("/")
    entry = _STATIC.get(head)
    if entry is None:
        entry = next((child for pattern, child, _ in _CHILDREN if pattern.fullmatch(head)), None)
    if entry is None or not entry.show:
        return _not_found(path)
    return _single(request, world, entry, tail)


def _not_found(path: str) -> web.Response:
    return error(404, "RecordNotFound", f"There is nothing at {path}.")


def _parameters(request: web.Request) -> tuple[tuple[str, str], ...]:
    return tuple(parse_qsl(request.query_string, keep_blank_values=True))


def _projections(world: World, asked: Asked) -> list[Projection]:
    definitions = world.clio.tables["custom_fields"]
    wanted = (definitions.find(text) for text in asked.all("custom_field_ids[]"))
    custom = frozenset(index for index in wanted if index is not None)
    fields = asked.last("fields") or ""
    return [
        world.projections.of(asked.entry, table, fields, custom)
        for table in world.selections.sources(asked.entry)
    ]


def rows(world: World, asked: Asked) -> list[bytes]:
    """All rows a request means, as JSON, in the order of ids, without paging."""
    sources = _projections(world, asked)
    return [
        sources[source].row(index) for source, index in map(split, world.selections.matching(asked))
    ]


def _list(request: web.Request, world: World, asked: Asked) -> web.Response:
    sources = _projections(world, asked)
    page = world.selections.page(asked)
    only = sources[0]
    if len(sources) == 1:
        parts = [only.row(code) for code in page.codes]
    else:
        parts = [sources[source].row(index) for source, index in map(split, page.codes)]
    paging: dict[str, str] = {}
    for name, neighbour in (("previous", page.previous), ("next", page.following)):
        if neighbour is not None:
            paging[name] = _link(request, asked, neighbour)
    records = page.total if world.options.records_total else len(parts)
    meta = msgspec.json.encode({"paging": paging, "records": records})
    return _bytes(b'{"data":[' + b",".join(parts) + b'],"meta":' + meta + b"}")


def _link(request: web.Request, asked: Asked, neighbour: tuple[str, str]) -> str:
    kept = [pair for pair in asked.parameters if pair[0] not in ("page_token", "offset")]
    return f"{request.scheme}://{request.host}{request.path}?{urlencode([*kept, neighbour])}"


def _single(
    request: web.Request, world: World, entry: describe.ClioList, identity: str
) -> web.Response:
    table = world.clio.tables[entry.table]
    index = table.find(identity)
    hidden = (
        index is not None
        and entry.table in ("documents", "folders")
        and table.trashed(index) is not None
    )
    if index is None or hidden:
        return _not_found(f"{entry.path}/{identity}")
    fields = Asked(entry=entry, parameters=_parameters(request)).last("fields") or ""
    projection = world.projections.of(entry, table, fields)
    tag = values.etag(table.draw(index))
    updated = datetime.fromtimestamp(table.updated[index], UTC)
    headers = {"ETag": tag, "Last-Modified": format_datetime(updated, usegmt=True)}
    if _unchanged(request, tag, updated):
        return web.Response(status=304, headers=headers)
    response = _bytes(b'{"data":' + projection.row(index) + b"}")
    response.headers.update(headers)
    return response


def _unchanged(request: web.Request, tag: str, updated: datetime) -> bool:
    match = request.headers.get("If-None-Match")
    if match is not None:
        return tag in (part.strip().removeprefix("W/") for part in match.split(","))
    since = request.headers.get("If-Modified-Since")
    if since is None:
        return False
    try:
        return updated <= parsedate_to_datetime(since)
    except (ValueError, TypeError):
        return False
