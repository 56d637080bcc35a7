"""JSON Schemas of records as columns: one for each property, objects and lists as JSON."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from syncline.profile.airbyte.findings import Refused
from syncline.profile.part import NAME

_NAME = re.compile(NAME)
_NOT_IN_NAMES = re.compile(r"[\s.{}\[\]\"']+")
_LONGEST = 300
_PLAIN = {"integer": "integer", "number": "number", "boolean": "boolean", "string": "string"}


def columns_of(schema: Any, note: Callable[[str], None]) -> dict[str, dict[str, Any]]:
    """Return the columns of a schema, each in full. Raises `Refused` if there are none."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(properties, Mapping) or not properties:
        raise Refused("the schema", "it names no properties")
    found: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    for key, inner in properties.items():
        path = str(key)
        if "." in path or not path:
            note(f"the column {path!r} is left out: a path with dots cannot be written")
            continue
        name = path if _NAME.match(path) else _NOT_IN_NAMES.sub("_", path)
        while name.lower() in taken:
            name += "_2"
        taken.add(name.lower())
        column: dict[str, Any] = {"type": type_of(inner)}
        if name != path:
            column["path"] = path
        text = inner.get("description") if isinstance(inner, Mapping) else None
        if isinstance(text, str) and text:
            column["description"] = " ".join(text.split())[:_LONGEST]
        found[name] = column
    if not found:
        raise Refused("the schema", "none of its properties can be a column")
    return found


def type_of(schema: Any) -> str:
    """Return the type of a column for a property; "json" where it may be anything."""
    if not isinstance(schema, Mapping):
        return "json"
    kinds = _kinds(schema)
    if len(kinds) == 1:
        (kind,) = kinds
        return kind
    if kinds == {"integer", "number"}:
        return "number"
    if kinds and kinds <= {"date", "datetime", "string"}:
        return "string"
    scalars = {*_PLAIN.values(), "date", "datetime", "time"}
    return "scalar" if kinds and kinds <= scalars else "json"


def _kinds(schema: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for union in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(union) or ():
            found |= _kinds(each) if isinstance(each, Mapping) else set()
    given = schema.get("type")
    for kind in given if isinstance(given, list) else [given] if given else []:
        if kind == "string":
            found.add(_text(schema))
        elif kind != "null":
            found.add(_PLAIN.get(str(kind), "json"))
    if not found and isinstance(schema.get("enum"), list):
        found.add("string")
    return found


def _text(schema: Mapping[str, Any]) -> str:
    if schema.get("airbyte_type") in {"integer", "big_integer"}:
        return "scalar"
    return {"date-time": "datetime", "date": "date"}.get(str(schema.get("format")), "string")


def flat(columns: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return columns as short as profiles allow."""
    return {
        name: column["type"] if set(column) == {"type"} else dict(column)
        for name, column in columns.items()
    }
