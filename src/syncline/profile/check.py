"""What the parts of a profile must mean together; each contradiction with its place."""

from collections.abc import Iterator

from syncline.profile.columns import FlatColumn, child_columns, table_columns
from syncline.profile.schema import ApiTable, ParentFanOut, Profile, ValueFanOut
from syncline.profile.template import places

Place = tuple[str, ...]
Contradiction = tuple[Place, str]


def contradictions(profile: Profile) -> list[Contradiction]:
    """Return what cannot be right, in the order of the profile; empty for a sound one."""
    return [*_settings(profile), *_names(profile), *_tables(profile)]


def _settings(profile: Profile) -> Iterator[Contradiction]:
    known = set(profile.settings) | {"User", "Password"}
    for name, setting in profile.settings.items():
        for place in places(setting.default or ""):
            if place not in known:
                yield ("settings", name, "default"), f"there is no setting {place!r}"
        if (
            setting.default is not None
            and setting.choices
            and setting.default not in setting.choices
        ):
            yield ("settings", name, "default"), "is not among the choices"
        if _circular(profile, name):
            yield ("settings", name, "default"), "names itself, directly or through others"
    for place in places(profile.base_url):
        if place not in known:
            yield ("base_url",), f"there is no setting {place!r}"
    schemes = [a.scheme for a in profile.auth]
    if len(set(schemes)) < len(schemes):
        yield ("auth",), "one scheme stands here twice"
    for index, auth in enumerate(profile.auth):
        for key, value in auth.model_dump().items():
            if isinstance(value, str):
                for place in places(value):
                    if place not in known:
                        yield ("auth", str(index), key), f"there is no setting {place!r}"


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
                yield ("tables", name), f"another table is called {seen[each.lower()]!r} already"
            seen[each.lower()] = each


def _tables(profile: Profile) -> Iterator[Contradiction]:
    for name, table in profile.tables.items():
        at: Place = ("tables", name)
        columns = table_columns(profile, table)
        yield from _columns(at, columns, table.primary_key)
        names = {c.name for c in columns}
        for filtered, filters in table.filters.items():
            each = filters if isinstance(filters, tuple) else (filters,)
            if filtered not in names:
                yield (*at, "filters", filtered), "is no column, and has no 'type' to be one"
            operators = [o for f in each for o in f.operators]
            if len(set(operators)) < len(operators):
                yield (*at, "filters", filtered), "one operator stands here twice"
        for part, column in (
            ("incremental", table.incremental and table.incremental.column),
            ("deleted", table.deleted and table.deleted.column),
            ("windows", table.windows and table.windows.column),
        ):
            if column and column not in names:
                yield (*at, part, "column"), f"there is no column {column!r}"
        yield from _fan_out(profile, at, table, names)
        for child_name, child in table.children.items():
            inside: Place = (*at, "children", child_name)
            for key, parent_column in child.parent.items():
                if parent_column not in names:
                    yield (*inside, "parent", key), f"the parent has no column {parent_column!r}"
                    break
            else:
                yield from _columns(inside, child_columns(profile, table, child), child.primary_key)


def _columns(
    at: Place, columns: tuple[FlatColumn, ...], key: tuple[str, ...]
) -> Iterator[Contradiction]:
    seen: dict[str, str] = {}
    for column in columns:
        if column.name.lower() in seen:
            yield (*at, "columns"), f"the column {column.name!r} stands here twice"
        seen[column.name.lower()] = column.name
    for column_name in key:
        if column_name not in seen.values():
            yield (*at, "primary_key"), f"there is no column {column_name!r}"


def _fan_out(
    profile: Profile, at: Place, table: ApiTable, names: set[str]
) -> Iterator[Contradiction]:
    allowed = set(profile.settings)
    match table.fan_out:
        case ParentFanOut(parent=parent, column=column):
            other = profile.tables.get(parent)
            if other is None:
                yield (*at, "fan_out", "parent"), f"there is no table {parent!r}"
            elif column not in {c.name for c in table_columns(profile, other)}:
                yield (*at, "fan_out", "column"), f"{parent} has no column {column!r}"
            elif isinstance(other.fan_out, ParentFanOut) and other.fan_out.parent == at[1]:
                yield (*at, "fan_out", "parent"), "each is the parent of the other"
            allowed.add(f"parent.{column}")
        case ValueFanOut(column=str(column)) if column not in names:
            yield (*at, "fan_out", "column"), f"there is no column {column!r}"
        case _:
            pass
    for key, text in (("path", table.path), *table.parameters.items()):
        for place in places(text):
            if place not in allowed:
                yield (*at, key), f"{{{place}}} has no value here"
