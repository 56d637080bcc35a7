"""What the parts of a profile must mean together; each contradiction with its place."""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from syncline.profile.changes import table_of_changes
from syncline.profile.columns import FlatColumn, child_columns, table_columns
from syncline.profile.conflicts import conflicts
from syncline.profile.hooking import webhook_contradictions
from syncline.profile.nearest import near
from syncline.profile.posting import GraphQLBody, JsonBody
from syncline.profile.schema import ApiTable, Child, ParentFanOut, Profile, ValueFanOut
from syncline.profile.template import is_day, places

Place = tuple[str, ...]
Contradiction = tuple[Place, str]

_TIMES = {"iso8601": {"date", "datetime"}, "date": {"date", "datetime"}}


def contradictions(profile: Profile) -> list[Contradiction]:
    """Return what cannot be right, in the order of the profile; empty for a sound one."""
    return [
        *_settings(profile),
        *_templates(profile),
        *_names(profile),
        *_tables(profile),
        *conflicts(profile),
        *webhook_contradictions(profile),
    ]


def _settings(profile: Profile) -> Iterator[Contradiction]:
    for name, setting in profile.settings.items():
        at: Place = ("settings", name, "default")
        yield from _unknown_settings(profile, at, setting.default or "")
        if setting.choices and setting.default not in {None, *setting.choices}:
            yield at, f"{setting.default!r} is not among the choices"
        if _circular(profile, name):
            yield at, "names itself, directly or through others"


def _templates(profile: Profile) -> Iterator[Contradiction]:
    yield from _unknown_settings(profile, ("base_url",), profile.base_url)
    for name, value in profile.headers.items():
        yield from _unknown_settings(profile, ("headers", name), value)
    for name, value in profile.defaults.parameters.items():
        yield from _unknown_settings(profile, ("defaults", "parameters", name), value, dated=True)
    schemes = [a.scheme for a in profile.auth]
    for index, auth in enumerate(profile.auth):
        if auth.scheme in schemes[:index]:
            yield ("auth", str(index), "scheme"), f"the scheme {auth.scheme} stands here twice"
        for key, value in auth.model_dump().items():
            if isinstance(value, str):
                yield from _unknown_settings(profile, ("auth", str(index), key), value)


def _unknown_settings(
    profile: Profile, at: Place, template: str, *, dated: bool = False
) -> Iterator[Contradiction]:
    """Yield what a template names that is no setting; ``dated``: it may name days, too."""
    known = [*profile.settings, "User", "Password"]
    for place in places(template):
        if place not in known and not (dated and is_day(place)):
            yield at, f"there is no setting {place!r}{near(place, profile.settings)}"


def _circular(profile: Profile, name: str) -> bool:
    seen, queue = set(), [name]
    while queue:
        setting = profile.settings.get(queue.pop())
        for place in places((setting.default or "") if setting else ""):
            if place == name:
                return True
            if place not in seen:
                seen.add(place)
                queue.append(place)
    return False


def _names(profile: Profile) -> Iterator[Contradiction]:
    seen: dict[str, str] = {}
    for name, table in profile.tables.items():
        for each in (name, *table.children):
            if each.lower() in seen:
                at = ("tables", name) if each == name else ("tables", name, "children", each)
                yield at, f"another table is called {seen[each.lower()]!r} already"
            seen[each.lower()] = each


def _tables(profile: Profile) -> Iterator[Contradiction]:
    for name, table in profile.tables.items():
        at: Place = ("tables", name)
        columns = table_columns(profile, table)
        by_name = {c.name: c for c in columns}
        yield from _columns(at, columns, table.primary_key)
        yield from _filters(at, table, by_name)
        yield from _parts(at, table, by_name)
        yield from _fan_out(profile, at, table, by_name)
        yield from _requests(profile, at, table, by_name)
        yield from _bodies(at, table)
        yield from _changes(profile, at, table, by_name)
        yield from _walks(profile, at, table)
        for child_name, child in table.children.items():
            yield from _child(profile, (*at, "children", child_name), table, child)


def _child(profile: Profile, at: Place, table: ApiTable, child: Child) -> Iterator[Contradiction]:
    names = {c.name for c in table_columns(profile, table)}
    missing = [(k, c) for k, c in child.parent.items() if c not in names]
    for key, column in missing:
        yield (*at, "parent", key), f"the parent has no column {column!r}{near(column, names)}"
    if not missing:
        yield from _columns(at, child_columns(profile, table, child), child.primary_key)


def _columns(
    at: Place, columns: tuple[FlatColumn, ...], key: tuple[str, ...]
) -> Iterator[Contradiction]:
    seen: dict[str, FlatColumn] = {}
    for column in columns:
        if column.name.lower() in seen:
            yield (*at, "columns", column.name), f"the column {column.name!r} stands here twice"
        if column.fields and column.type != "json":
            yield (*at, "columns", column.name, "fields"), "only a json column has fields"
        seen[column.name.lower()] = column
    for index, name in enumerate(key):
        here, found = (*at, "primary_key", str(index)), seen.get(name.lower())
        if found is None or found.name != name:
            names = [c.name for c in columns]
            yield here, f"there is no column {name!r}{near(name, names)}"
        elif found.origin == "filter":
            yield here, f"{name!r} is only to filter by: records do not have it"
        elif found.origin == "header":
            yield here, f"{name!r} is the same in all rows of an answer"


def _filters(
    at: Place, table: ApiTable, columns: Mapping[str, FlatColumn]
) -> Iterator[Contradiction]:
    for name, filters in table.filters.items():
        each = filters if isinstance(filters, tuple) else (filters,)
        if name not in columns:
            yield (
                (*at, "filters", name),
                f"there is no column {name!r}, and no 'type' to make it one to filter by"
                + near(name, columns),
            )
        operators = [o for f in each for o in f.operators]
        for operator in dict.fromkeys(o for o in operators if operators.count(o) > 1):
            yield (*at, "filters", name), f"the operator {operator.value} stands here twice"


def _parts(
    at: Place, table: ApiTable, columns: Mapping[str, FlatColumn]
) -> Iterator[Contradiction]:
    incremental, deleted, windows = table.incremental, table.deleted, table.windows
    for part, name, allowed in (
        ("incremental", incremental and incremental.column, _times(table)),
        ("deleted", deleted and deleted.column, None),
        ("windows", windows and windows.column, {"date"}),
    ):
        if not name:
            continue
        recorded = {n: c for n, c in columns.items() if c.origin == "record"}
        if name not in recorded:
            yield (*at, part, "column"), f"records have no column {name!r}{near(name, recorded)}"
        elif allowed and recorded[name].type not in allowed:
            wanted = " or ".join(sorted(allowed))
            yield (*at, part, "column"), f"{name!r} is of type {recorded[name].type}, not {wanted}"


def _times(table: ApiTable) -> set[str]:
    how = table.incremental.format if table.incremental else "iso8601"
    return _TIMES.get(how, {"datetime", "integer"})


def _fan_out(
    profile: Profile, at: Place, table: ApiTable, columns: Mapping[str, FlatColumn]
) -> Iterator[Contradiction]:
    here: Place = (*at, "fan_out")
    templates = _walk_templates(table)
    walked: list[str] = []
    match table.fan_out:
        case ParentFanOut() as parent:
            walked = [f"parent.{name}" for name in (parent.column, *parent.also)]
            yield from _parent(profile, here, parent)
        case ValueFanOut() as values:
            walked = [] if values.parameter else ["value"]
            yield from _values(profile, here, values, columns)
        case None:
            pass
    if walked and not any(map(places, templates.values())):
        yield here, f"every walk is the same: neither path nor parameters name {{{walked[0]}}}"
    allowed = {*profile.settings, *walked}
    for where, text in templates.items():
        for place in places(text):
            if place not in allowed and not is_day(place):
                yield (
                    (*at, *where),
                    f"{{{place}}} has no value here{near(place, sorted(allowed))}",
                )


def _parent(profile: Profile, here: Place, fan_out: ParentFanOut) -> Iterator[Contradiction]:
    parent, column = fan_out.parent, fan_out.column
    other = profile.tables.get(parent)
    if other is None:
        yield (*here, "parent"), f"there is no table {parent!r}{near(parent, profile.tables)}"
        return
    types = {c.name: c.type for c in table_columns(profile, other)}
    if column not in types:
        yield (*here, "column"), f"{parent} has no column {column!r}{near(column, types)}"
    for name, own in fan_out.also.items():
        at = (*here, "also", name)
        if name not in types:
            yield at, f"{parent} has no column {name!r}{near(name, types)}"
        if own == fan_out.into or list(fan_out.also.values()).count(own) > 1:
            yield at, f"two columns of {parent} go into {own!r}"
    for name in (column, *fan_out.also) if fan_out.also else ():
        if types.get(name, "string") not in {"string", "integer"}:
            yield here, f"{name!r} of {parent} is of type {types[name]}, not string or integer"


def _values(
    profile: Profile, here: Place, fan_out: ValueFanOut, columns: Mapping[str, FlatColumn]
) -> Iterator[Contradiction]:
    column = fan_out.column
    if fan_out.setting is not None:
        yield from _unknown_settings(profile, (*here, "setting"), f"{{{fan_out.setting}}}")
    if column is not None and fan_out.into is not None:
        yield (*here, "into"), "'column' and 'into' exclude each other"
    elif column is not None and column not in columns:
        yield (*here, "column"), f"there is no column {column!r}{near(column, columns)}"


def _walk_templates(table: ApiTable) -> Mapping[Place, str]:
    """Return the texts of a table that may name what a walk is for, by place."""
    found: dict[Place, str] = {("path",): table.path}
    found |= {("parameters", name): value for name, value in table.parameters.items()}
    found |= {("headers", name): value for name, value in table.headers.items()}
    match table.posting:
        case JsonBody(content=content):
            found |= _texts(("posting", "content"), content)
        case GraphQLBody(variables=variables):
            found |= _texts(("posting", "variables"), variables)
        case _:
            pass
    return found


def _texts(at: Place, value: JsonValue) -> Mapping[Place, str]:
    inside: Iterable[tuple[int | str, JsonValue]]
    match value:
        case str():
            return {at: value}
        case dict():
            inside = value.items()
        case list():
            inside = enumerate(value)
        case _:
            return {}
    return {k: t for key, each in inside for k, t in _texts((*at, str(key)), each).items()}


def _requests(
    profile: Profile, at: Place, table: ApiTable, columns: Mapping[str, FlatColumn]
) -> Iterator[Contradiction]:
    yield from _unknown_settings(profile, (*at, "base_url"), table.base_url or "")
    for name, column in columns.items():
        if column.origin == "constant":
            yield from _unknown_settings(profile, (*at, "columns", name, "value"), column.source)
    incremental = table.incremental
    if incremental is None:
        return
    here = (*at, "incremental")
    yield from _unknown_settings(profile, (*here, "start"), incremental.start or "", dated=True)
    ends = incremental.until is not None or "{until}" in incremental.value
    if incremental.step is not None and not (ends and incremental.start is not None):
        yield (*here, "step"), "it needs 'start', and 'until' or {until} in 'value'"


def _bodies(at: Place, table: ApiTable) -> Iterator[Contradiction]:
    """Yield the places in lists of a body that its content does not have."""
    posting = table.posting
    if not isinstance(posting, JsonBody | GraphQLBody):
        return
    content = posting.content if isinstance(posting, JsonBody) else posting.variables
    for name, path in posting.places.items():
        inside: JsonValue = dict(content)
        for step in path.split("."):
            if isinstance(inside, list):
                if not (step.isdecimal() and int(step) < len(inside)):
                    where = (*at, "posting", "places", name)
                    yield where, f"{path!r}: the content has no place {step!r} in its list"
                    break
                inside = inside[int(step)]
            else:
                inside = inside.get(step) if isinstance(inside, dict) else None


def _changes(
    profile: Profile, at: Place, table: ApiTable, columns: Mapping[str, FlatColumn]
) -> Iterator[Contradiction]:
    """Yield what cannot be right of the request for what has changed, where it is another one."""
    incremental = table.incremental
    if incremental is None or incremental.changes is None:
        return
    here: Place = (*at, "incremental")
    for name in ("start", "until", "step"):
        if getattr(incremental, name) is not None:
            yield (*here, name), "it is for tables whose own list is asked by the time"
    changed = table_of_changes(table)
    known = {c for _, c in _fan_out(profile, at, table, columns)}
    found = [*_fan_out(profile, at, changed, columns), *_bodies(at, changed)]
    for place, complaint in found:
        if complaint not in known:
            yield (*here, "changes", *place[len(at) :]), complaint


def _walks(profile: Profile, at: Place, table: ApiTable) -> Iterator[Contradiction]:
    seen: list[str] = []
    fan_out = table.fan_out
    while isinstance(fan_out, ParentFanOut) and fan_out.parent not in seen:
        if fan_out.parent == at[1]:
            yield (
                (*at, "fan_out", "parent"),
                "the table is its own parent, directly or through others",
            )
            return
        seen.append(fan_out.parent)
        parent = profile.tables.get(fan_out.parent)
        fan_out = parent.fan_out if parent else None
