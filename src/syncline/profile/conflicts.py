"""Requests that cannot do what a profile wants: parameters set twice, secrets, dead ends."""

from collections.abc import Iterator, Mapping

from syncline.profile.changes import table_of_changes
from syncline.profile.columns import table_columns
from syncline.profile.formats import JsonFormat
from syncline.profile.nearest import near
from syncline.profile.pagination import LastRecord, Offset, PageNumber, Paginator, Token
from syncline.profile.posting import Posting
from syncline.profile.schema import ApiTable, Profile, ValueFanOut
from syncline.profile.template import places

Place = tuple[str, ...]
Conflict = tuple[Place, str]


def conflicts(profile: Profile) -> Iterator[Conflict]:
    """Yield what would loop, end too early, ask for something else, or show a secret."""
    yield from _secrets(profile)
    for name, table in profile.tables.items():
        at: Place = ("tables", name)
        yield from _parameters(profile, at, table)
        yield from _dead_ends(profile, at, table)
        yield from _unfilled(profile, at, table)
        yield from _unreadable(profile, at, table)
        changed = table_of_changes(table)
        if changed is not table:
            here: Place = (*at, "incremental", "changes")
            yield from _parameters(profile, here, changed)
            yield from _dead_ends(profile, here, changed)


def _secrets(profile: Profile) -> Iterator[Conflict]:
    """Yield the places from which a secret would go into an address, or into rows."""
    # Invariant 7: addresses are logged by everyone on the way.
    for at, template in _addressed(profile):
        for place in places(template):
            if _is_secret(profile, place):
                yield (
                    at,
                    (
                        f"{place!r} is a secret and would stand in the address; a key that the API "
                        "wants there belongs into 'auth', as 'scheme: APIKey'"
                    ),
                )
    for name, table in profile.tables.items():
        for column in table_columns(profile, table):
            named = places(column.source) if column.origin == "constant" else ()
            for place in named:
                if _is_secret(profile, place):
                    at = ("tables", name, "columns", column.name, "value")
                    yield at, f"{place!r} is a secret and would stand in every row"


def _addressed(profile: Profile) -> Iterator[tuple[Place, str]]:
    """Yield the texts that go into addresses."""
    yield ("base_url",), profile.base_url
    for index, auth in enumerate(profile.auth):
        for key, value in auth.model_dump().items():
            if isinstance(value, str) and key.endswith("_url"):
                yield ("auth", str(index), key), value
    for name, value in profile.defaults.parameters.items():
        yield ("defaults", "parameters", name), value
    for name, table in profile.tables.items():
        at: Place = ("tables", name)
        yield (*at, "path"), table.path
        yield (*at, "base_url"), table.base_url or ""
        if isinstance(table.fan_out, ValueFanOut) and table.fan_out.setting is not None:
            yield (*at, "fan_out", "setting"), f"{{{table.fan_out.setting}}}"
        yield from _in_address(at, table.parameters, table.posting)
        changes = table.incremental.changes if table.incremental is not None else None
        if changes is not None:
            here: Place = (*at, "incremental", "changes")
            yield (*here, "path"), changes.path
            own = table.parameters if changes.parameters is None else changes.parameters
            yield from _in_address(here, own, changes.posting)


def _in_address(
    at: Place, parameters: Mapping[str, str], posting: Posting | None
) -> Iterator[tuple[Place, str]]:
    for name, value in parameters.items():
        if posting is None or name in posting.in_address:
            yield (*at, "parameters", name), value


def _is_secret(profile: Profile, name: str) -> bool:
    """Say whether a setting is a secret, or names one in its default."""
    seen, waiting = set(), [name]
    while waiting:
        each = waiting.pop()
        setting = profile.settings.get(each)
        if each == "Password" and setting is None:
            return True
        if setting is None or each in seen:
            continue
        if setting.secret:
            return True
        seen.add(each)
        waiting += places(setting.default or "")
    return False


def _parameters(profile: Profile, at: Place, table: ApiTable) -> Iterator[Conflict]:
    """Yield the parameters that two parts of a profile set, each for itself."""
    paginator = table.pagination or profile.defaults.pagination
    page = table.page or profile.defaults.page
    projection = table.projection or profile.defaults.projection
    paging = _parameter(paginator)
    where = "pagination" if table.pagination else ""
    taken: dict[str, str] = {}
    if projection is not None:
        taken[projection.parameter] = "names the fields wanted"
    if isinstance(table.fan_out, ValueFanOut) and table.fan_out.parameter:
        taken[table.fan_out.parameter] = "takes the value of each walk"
    if page.parameter is not None:
        taken[page.parameter] = "sets the size of a page"
    if paging is not None:
        if paging in taken:
            place = (*at, where) if where else at
            yield place, f"{paging!r} turns the page, and {taken[paging]}: no walk would end well"
        taken[paging] = "turns the page"
    incremental = table.incremental
    asked = incremental is not None and incremental.changes is None
    if incremental is not None and asked and incremental.parameter in taken:
        said = taken[incremental.parameter]
        yield (*at, "incremental", "parameter"), f"{incremental.parameter!r} {said} already"
    for column, filters in table.filters.items():
        for each in filters if isinstance(filters, tuple) else (filters,):
            if each.parameter in taken:
                yield (
                    (*at, "filters", column),
                    f"it is never sent: {each.parameter!r} {taken[each.parameter]}",
                )


def _dead_ends(profile: Profile, at: Place, table: ApiTable) -> Iterator[Conflict]:
    """Yield places of the next page at which no answer has anything."""
    paginator = table.pagination or profile.defaults.pagination
    records = profile.defaults.records if table.records is None else table.records
    format_ = table.format or profile.defaults.format
    if not isinstance(format_, JsonFormat) or table.answer != "list":
        return
    where = (*at, "pagination") if table.pagination else at
    for path in paginator.paths():
        if not records:
            why = "the body itself is the list of records"
        elif f"{path}.".startswith(f"{records}."):
            why = "that is within the list of records"
        else:
            continue
        yield where, f"there is no {path!r}, as {why}: the first page would be the last"


def _unreadable(profile: Profile, at: Place, table: ApiTable) -> Iterator[Conflict]:
    """Yield records of a kind that only JSON has, where answers are written otherwise."""
    format_ = table.format or profile.defaults.format
    if table.answer in {"keyed", "rows"} and not isinstance(format_, JsonFormat):
        yield (*at, "answer"), f"{table.answer!r} is for JSON, and answers are {format_.type}"


def _unfilled(profile: Profile, at: Place, table: ApiTable) -> Iterator[Conflict]:
    """Yield the places of a text in a query language that no parameter ever fills."""
    query = table.query or profile.defaults.query
    if query is None:
        return
    known = set(_sent(profile, table))
    if query.parameter in known:
        yield at, f"{query.parameter!r} takes the text of 'query', and is set beside it"
    for index, part in enumerate(query.parts):
        for place in places(part):
            if place not in known:
                where = (*at, "query", "parts", str(index)) if table.query else at
                yield where, f"no parameter is called {place!r}{near(place, sorted(known))}"


def _sent(profile: Profile, table: ApiTable) -> Iterator[str]:
    """Yield the parameters that requests of a table may have."""
    defaults, incremental, windows = profile.defaults, table.incremental, table.windows
    yield from (*defaults.parameters, *table.parameters)
    page, projection = table.page or defaults.page, table.projection or defaults.projection
    paging = _parameter(table.pagination or defaults.pagination)
    walked = table.fan_out.parameter if isinstance(table.fan_out, ValueFanOut) else None
    yield from filter(None, (paging, page.parameter, walked))
    if projection is not None:
        yield projection.parameter
    if incremental is not None:
        yield from filter(None, (incremental.parameter, incremental.until))
    if windows is not None:
        yield from (windows.since, windows.until, *windows.earliest, *windows.latest)
    if table.deleted is not None:
        yield from table.deleted.parameters
    for filters in table.filters.values():
        for each in filters if isinstance(filters, tuple) else (filters,):
            yield each.parameter


def _parameter(paginator: Paginator) -> str | None:
    if isinstance(paginator, Token | Offset | PageNumber | LastRecord):
        return paginator.parameter
    return None
