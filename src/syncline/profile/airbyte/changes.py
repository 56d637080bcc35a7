"""Transformations of records as columns: added, taken from elsewhere, or left away."""

from collections.abc import Callable, Mapping
from typing import Any

from syncline.profile.airbyte.expressions import Constant, Expression, Reference, shown, text_of
from syncline.profile.airbyte.findings import Refused
from syncline.profile.airbyte.manifest import Component
from syncline.profile.airbyte.settings import Settings
from syncline.profile.airbyte.templates import PARTITION, expression

_TYPES: Mapping[type, str] = {bool: "boolean", int: "integer", float: "number"}


def changed(
    columns: dict[str, dict[str, Any]],
    transformations: list[Component],
    settings: Settings,
    partitions: Mapping[str, str],
    note: Callable[[str], None],
) -> tuple[dict[str, dict[str, Any]], str | None]:
    """Return the columns after the transformations, and the one that has the walk's value.

    Raises `Refused` for a transformation without an equal; a single column without one is left
    out, and noted.
    """
    found = dict(columns)
    into: str | None = None
    for each in transformations:
        match each.type:
            case "RemoveFields":
                _remove(each, found, note)
            case "AddFields":
                for added in each.parts("fields"):
                    into = _add(added, found, settings, partitions, note) or into
            case other:
                raise Refused(other or "a transformation without type")
    return found, into


def _remove(
    component: Component, columns: dict[str, dict[str, Any]], note: Callable[[str], None]
) -> None:
    if component.has("condition"):
        raise Refused("RemoveFields", "only under a condition")
    for pointer in component.get("field_pointers") or ():
        path = [str(step) for step in pointer] if isinstance(pointer, list) else [str(pointer)]
        if len(path) > 1 or "*" in path[0]:
            note(f"RemoveFields: {'.'.join(path)} stays inside its column")
            continue
        for name in [n for n, c in columns.items() if c.get("path", n) == path[0]]:
            del columns[name]


def _add(
    component: Component,
    columns: dict[str, dict[str, Any]],
    settings: Settings,
    partitions: Mapping[str, str],
    note: Callable[[str], None],
) -> str | None:
    """Add a column; return its name if the fan-out is to fill it."""
    path = component.get("path") or []
    name = ".".join(map(str, path))
    if len(path) != 1 or any(c in name for c in " .{}[]\"'"):
        note(f"AddFields: {name} is left out: a place inside of a column")
        return None
    try:
        value = expression(_bare(component.get("value")), component.parameters)
        own = _column(value, columns.get(name, {}), settings, partitions)
    except Refused as refused:
        columns.pop(name, None)
        note(f"AddFields: the column {name!r} is left out: {refused}")
        return None
    if own is None:
        columns.pop(name, None)
        return name
    columns[name] = own
    return None


def _bare(text: Any) -> Any:
    """Return a template without the quotes around it that say: a text."""
    if isinstance(text, str) and text[:1] == text[-1:] and text[:1] in {"'", '"'} and len(text) > 1:
        return text[1:-1]
    return text


def _column(
    value: Expression,
    before: Mapping[str, Any],
    settings: Settings,
    partitions: Mapping[str, str],
) -> dict[str, Any] | None:
    """Return a column with a value; None if it is that of the walk."""
    kind = before.get("type")
    match value:
        case Constant(value=bool() | int() | float() | str() as constant):
            type_ = kind if kind not in {None, "json"} else _TYPES.get(type(constant), "string")
            return {"type": type_, "value": text_of(constant)}
        case Reference(root="record", path=path) as reference if path:
            return {"type": kind or "json", "path": reference.dotted}
        case Reference(root="config") as reference:
            name = settings.name(reference)
            return {
                "type": kind if kind not in {None, "json"} else "string",
                "value": f"{{{name}}}",
            }
        case Reference(root=root, path=(str(name),)) if root in PARTITION and name in partitions:
            return None
        case _:
            raise Refused(f"the value {shown(str(value))}")
