"""The stand-in ClickTime v2: envelopes, pages, tokens and limits."""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, urlencode

import msgspec
from aiohttp import web

from syncline.sandbox import describe
from syncline.sandbox.clicktime_query import Asked, MissingParameterError
from syncline.sandbox.world import World

PREFIX = "/v2/"
_PARENTS: Mapping[str, tuple[str, str]] = {
    "alternativetimeofftypeid": ("AlternativeTimeOffType", "AlternativeTimeOffTypes"),
    "clientid": ("Client", "Clients"),
    "employmenttypeid": ("EmploymentType", "EmploymentTypes"),
    "expensesheetid": ("ExpenseSheet", "ExpenseSheets"),
    "holidaytypeid": ("HolidayType", "HolidayTypes"),
    "jobapprovalid": ("Job", "Jobs"),
    "jobid": ("Job", "Jobs"),
    "overtimedefinitionid": ("OvertimeDefinition", "Overtime"),
    "taskid": ("Task", "Tasks"),
    "timeoffrequestid": ("TimeOffRequest", "TimeOffRequests"),
    "timeofftypeid": ("TimeOffType", "TimeOffTypes"),
    "timesheets_id": ("Timesheet", "Timesheets"),
    "userid": ("User", "Users"),
}
_MINE = ("User", "RequestedByUser")
_SHEET_ACTIONS = ("Submit", "Approve", "Reject")
_WORDS = (
    "AdvancedLogging",
    "Expenses",
    "ResourceManagement",
    "TimeOffManagement",
    "TimesheetApprovals",
)


def _patterns() -> list[tuple[re.Pattern[str], describe.ClickTimeList]]:
    found = []
    for entry in describe.clicktime().lists:
        text = re.sub(
            r"\{([\w-]+)\}", lambda m: f"(?P<{m[1].lower().replace('-', '_')}>[^/]+)", entry.path
        )
        found.append((re.compile(text, re.IGNORECASE), entry))
    return sorted(found, key=lambda pair: pair[1].path.count("{"))


_LISTS = _patterns()
_SINGLES = {path.lower(): model for path, model in describe.clicktime().singles.items()}


def _json(body: object, *, status: int = 200) -> web.Response:
    return _bytes(msgspec.json.encode(body), status=status)


def _bytes(body: bytes, *, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json", charset="utf-8")


def error(status: int, message: str, field: str = "") -> web.Response:
    return _json(
        {"errors": [{"Message": message, "Field": field, "MessageDetail": []}]}, status=status
    )


async def answer(request: web.Request, world: World) -> web.Response:
    """One ClickTime API request, from token to body."""
    path = request.path[len(PREFIX) - 1 :].rstrip("/")
    token = _caller(request, world, path)
    if token is None:
        refused = error(401, "The token or login is not valid.")
        refused.headers["WWW-Authenticate"] = "Token"
        return refused
    world.counters.tokens[token] += 1
    options = world.options
    if (
        path.lower().endswith("/timeentries")
        and options.rate_limit > 0
        and options.clicktime_rate_limit > 0
    ):
        verdict = world.windows.take(
            f"clicktime {token}",
            limit=options.clicktime_rate_limit,
            window=options.clicktime_rate_window,
            now=world.clock.elapsed(),
        )
        if not verdict.allowed:
            response = error(429, "Too many requests.")
            response.headers["Retry-After"] = str(verdict.retry_after)
            return response
    if request.method != "GET":
        return error(405, "The sandbox answers GET only.")
    parameters: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl(request.query_string, keep_blank_values=True):
        parameters[name.lower()] = (*parameters.get(name.lower(), ()), value)
    try:
        return _routed(request, world, path, parameters)
    except MissingParameterError as missing:
        return error(400, f"{missing} is required.", str(missing))
    except ValueError as wrong:
        return error(400, str(wrong))


def _caller(request: web.Request, world: World, path: str) -> str | None:
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "token" and world.tokens.valid_clicktime(rest.strip()):
        return rest.strip()
    if scheme.lower() == "basic" and path.lower() == "/me":
        try:
            login = base64.b64decode(rest, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return None
        return login if world.tokens.valid_login(login) else None
    return None


def _routed(
    request: web.Request, world: World, path: str, parameters: Mapping[str, tuple[str, ...]]
) -> web.Response:
    model_name = _SINGLES.get(path.lower())
    if model_name is not None:
        return _alone(world, model_name, parameters)
    for pattern, entry in _LISTS:
        found = pattern.fullmatch(path)
        if found is not None:
            scope = _scope(world, entry, found.groupdict())
            if scope is None:
                return error(404, f"There is nothing at {path}.")
            return _list(request, world, Asked(entry=entry, parameters=parameters, scope=scope))
    head, _, identity = path.rpartition("/")
    for pattern, entry in _LISTS:
        found = pattern.fullmatch(head)
        if found is not None and entry.show and entry.model is not None:
            return _one(world, Asked(entry=entry, parameters=parameters), entry.model, identity)
    return error(404, f"There is nothing at {path}.")


def _scope(
    world: World, entry: describe.ClickTimeList, named: Mapping[str, str]
) -> tuple[tuple[str, int], ...] | None:
    """What a path says about its rows; None when it names a parent that does not exist."""
    scope: list[tuple[str, int]] = []
    for parameter, identity in named.items():
        reference, table_name = _PARENTS[parameter]
        row = world.clicktime.tables[table_name].find(identity)
        if row is None:
            return None
        scope.append((reference, row))
    if entry.path.startswith("/Me/") and entry.model is not None:
        table = world.clicktime_rows.table(entry.model) if not _actions(entry) else None
        mine = next((name for name in _MINE if table is not None and name in table.single), None)
        if mine is not None:
            scope.append((mine, 0))
    if entry.path.endswith("/CustomFieldDefinitions") and entry.path.count("/") > 1:
        scope.append(("EntityType", 0))
    return tuple(scope)


def _actions(entry: describe.ClickTimeList) -> bool:
    return entry.path.endswith("/Actions")


def _list(request: web.Request, world: World, asked: Asked) -> web.Response:
    model = asked.entry.model
    if model is None or _actions(asked.entry):
        return _enveloped(
            request, [msgspec.json.encode(item) for item in _plain_items(world, asked)]
        )
    matches = world.clicktime_rows.matching(asked, model)
    limit, offset = _page(world, asked, len(matches))
    rows = world.clicktime_rows.rows(model, matches[offset : offset + limit], verbose=asked.verbose)
    return _enveloped(request, rows, total=len(matches), limit=limit, offset=offset)


def rows(world: World, asked: Asked) -> list[bytes]:
    """All rows a request means, as JSON, in the documented order, without paging."""
    if asked.entry.model is None:
        return [msgspec.json.encode(item) for item in _plain_items(world, asked)]
    matches = world.clicktime_rows.matching(asked, asked.entry.model)
    return world.clicktime_rows.rows(asked.entry.model, matches, verbose=asked.verbose)


def _plain_items(world: World, asked: Asked) -> Sequence[object]:
    """Lists of texts (ids of another table, names of modules) and of actions."""
    if asked.entry.model is not None:
        return [{"Action": choice} for choice in asked.entry.model.fields["Action"].choices]
    if _actions(asked.entry):
        return _SHEET_ACTIONS
    table = world.clicktime.tables.get(asked.entry.path.rpartition("/")[2])
    return _WORDS if table is None else [table.identity(index) for index in table.indexes()][:50]


def _page(world: World, asked: Asked, total: int) -> tuple[int, int]:
    largest = asked.entry.limit
    if largest is None:
        return max(total, 1), 0
    usual = (str(world.options.clicktime_default_limit),)
    limit = int(asked.parameters.get("limit", usual)[-1])
    offset = int(asked.parameters.get("offset", ("0",))[-1])
    if limit < 1 or offset < 0:
        raise ValueError("limit and offset must be positive.")
    return min(limit, largest), offset


def _enveloped(
    request: web.Request,
    rows: Sequence[bytes],
    *,
    total: int | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> web.Response:
    count = len(rows) if total is None else total
    size = max(count, 1) if limit is None else limit
    kept = [
        pair
        for pair in parse_qsl(request.query_string, keep_blank_values=True)
        if pair[0].lower() not in ("limit", "offset")
    ]

    def link(start: int) -> str:
        query = urlencode([*kept, ("limit", str(size)), ("offset", str(start))])
        return f"{request.scheme}://{request.host}{request.path}?{query}"

    page = {
        "count": count,
        "limit": size,
        "offset": offset,
        "links": {
            "self": link(offset),
            "first": link(0),
            "last": link(max(count - 1, 0) // size * size),
            "next": link(offset + size) if offset + size < count else None,
            "previous": link(max(offset - size, 0)) if offset else None,
        },
    }
    return _bytes(
        b'{"data":[' + b",".join(rows) + b'],"errors":[],"page":' + msgspec.json.encode(page) + b"}"
    )


def _one(world: World, asked: Asked, model: describe.Schema, identity: str) -> web.Response:
    table = world.clicktime_rows.table(model)
    index = table.find(identity)
    if index is None and table.name == "Currencies":
        iso = table.fields["CurrencyISO"]
        index = next(
            (i for i in table.indexes() if str(iso(table.draw(i))).lower() == identity.lower()),
            None,
        )
    if index is None:
        return error(404, f"There is no {table.name} row {identity}.")
    row = world.clicktime_rows.row(model, index, verbose=asked.verbose)
    return _json({"data": row, "errors": []})


def _alone(
    world: World, model_name: str, parameters: Mapping[str, tuple[str, ...]]
) -> web.Response:
    model = describe.clicktime().models[model_name]
    verbose = parameters.get("verbose", ("",))[-1].lower() == "true"
    row = world.clicktime_rows.row(model, 0, verbose=verbose)
    if model_name.startswith("UserModel"):
        row["AuthToken"] = {
            "Token": world.tokens.clicktime_token(),
            "TokenCreationTime": "2025-01-15T09:30:00Z",
        }
    return _json({"data": row, "errors": []})
