"""What a schema says a value looks like, whatever way it says it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from syncline.profile.openapi.document import Document, Node, mapping, sequence

#: Schemas within schemas are followed so far.
_DEEPEST = 12
_SENTENCE = re.compile(r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)\s")
_SHOWN = 110
_FORMATS = {
    "date": "date",
    "full-date": "date",
    "date-time": "datetime",
    "datetime": "datetime",
    "partial-time": "time",
}
_SCALARS = {"string", "integer", "number", "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A schema, with all its parts joined."""

    #: ``any`` where the schema does not say.
    kind: Literal["object", "array", "scalar", "any"]
    #: Of a scalar: the type that a column has.
    type: str = "json"
    #: Of an object: the schemas of its members, in order.
    members: Mapping[str, Node] = field(default_factory=dict)
    #: Of an array: the schema of its elements.
    items: Node = field(default_factory=dict)
    values: tuple[str, ...] = ()
    #: The whole description; see `sentence`.
    description: str = ""
    #: Name of the schema that was referred to; '' for one that has none.
    name: str = ""
    maximum: float | None = None
    minimum: float | None = None
    default: Any = None
    format: str = ""
    deprecated: bool = False

    @property
    def sentence(self) -> str:
        """The first sentence of the description, on one line."""
        return first_sentence(self.description)


def shape_of(document: Document, schema: Any, depth: int = 0) -> Shape:
    """Return what a schema says; references, allOf and null alternatives are followed.

    A schema that goes on within itself is ``any`` where it begins again too deep.
    """
    if not isinstance(schema, Mapping) or depth > _DEEPEST:
        return Shape(kind="any")
    reference = schema.get("$ref") if depth == 0 and len(schema) == 1 else None
    if not isinstance(reference, str):
        return _shape(document, schema, depth)
    if reference not in document.known:
        document.known[reference] = _shape(document, schema, depth)
    found: Shape = document.known[reference]
    return found


def _shape(document: Document, schema: Node, depth: int) -> Shape:
    name = _name(schema)
    known = document.resolved(schema)
    document.work.spend(1 + len(mapping(known.get("properties"))), document.origin)
    parts = [shape_of(document, part, depth + 1) for part in sequence(known.get("allOf"))]
    for word in ("oneOf", "anyOf"):
        options = [o for o in sequence(known.get(word)) if not _is_null(document, o)]
        if options:
            parts.append(_either([shape_of(document, o, depth + 1) for o in options]))
    own = _own(known)
    document.work.spend(sum(len(part.members) for part in parts), document.origin)
    joined = own if not parts else _joined([*parts, own] if _says_anything(own) else parts)
    inherited = next((p.name for p in parts if p.name and len(parts) == 1), "")
    return replace(
        joined,
        name=name or inherited,
        description=str(known.get("description") or joined.description),
        deprecated=bool(known.get("deprecated")),
    )


def first_sentence(text: str) -> str:
    """Return the first sentence of a description, on one line and without markup."""
    flat = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)
    flat = re.sub(r"<[^>]*>|[*`]|\*\*", "", flat)
    flat = " ".join(flat.split())
    sentence = _SENTENCE.split(flat, maxsplit=1)[0] if flat else ""
    if len(sentence) <= _SHOWN:
        return sentence
    return f"{sentence[: sentence.rfind(' ', 0, _SHOWN)]} …"


def _own(schema: Node) -> Shape:
    types = _types(schema)
    values = tuple(str(v) for v in sequence(schema.get("enum")) if v is not None)
    if not types and "const" in schema:
        values = (str(schema["const"]),)
    common: dict[str, Any] = {
        "values": values,
        "maximum": _number(schema.get("maximum")),
        "minimum": _number(schema.get("minimum")),
        "default": schema.get("default"),
        "format": str(schema.get("format") or ""),
    }
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and properties:
        return Shape(
            kind="object",
            members={str(name): inner for name, inner in properties.items()},
            **common,
        )
    if types == {"array"} or (not types and "items" in schema):
        return Shape(kind="array", items=mapping(schema.get("items")), **common)
    if types == {"object"}:
        return Shape(kind="object", **common)
    if not types and values:
        types = _types_of_values(schema)
    if types and types <= _SCALARS:
        return Shape(kind="scalar", type=_column_type(schema, types), **common)
    return Shape(kind="any", **common)


def _column_type(schema: Node, types: set[str]) -> str:
    if types == {"integer", "number"}:
        return "number"
    if len(types) > 1:
        return "scalar"
    (type_,) = types
    form = str(schema.get("format") or "").lower()
    if type_ == "string":
        return _FORMATS.get(form, "string")
    if type_ == "integer" and form == "uint64":
        return "decimal(20,0)"
    return type_


def _types(schema: Node) -> set[str]:
    found = schema.get("type")
    every = sequence(found) or [found]
    return {str(t) for t in every if t is not None and t != "null"}


def _types_of_values(schema: Node) -> set[str]:
    words: Mapping[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return {words.get(type(v), "object") for v in sequence(schema.get("enum")) if v is not None}


def _joined(parts: Sequence[Shape]) -> Shape:
    """Return what is true of a value that is all of these."""
    said = [p for p in parts if p.kind != "any"]
    if not said:
        return parts[-1]
    last = said[-1]
    if all(p.kind == "object" for p in said):
        members: dict[str, Node] = {}
        for part in said:
            members |= part.members
        return replace(last, members=members)
    return next((p for p in reversed(said) if p.kind == last.kind), last)


def _either(options: Sequence[Shape]) -> Shape:
    """Return what is true of a value that is one of these."""
    if len(options) == 1:
        return options[0]
    kinds = {o.kind for o in options}
    if kinds == {"object"}:
        members: dict[str, Any] = {}
        for option in options:
            for name, schema in option.members.items():
                known = members.get(name)
                members[name] = schema if known in (None, schema) else _alternatives(known, schema)
        return replace(options[0], members=members, name="")
    if kinds == {"scalar"}:
        types = {o.type for o in options}
        values = tuple(dict.fromkeys(v for o in options for v in o.values))
        type_ = next(iter(types)) if len(types) == 1 else "scalar"
        if types == {"integer", "number"}:
            type_ = "number"
        whole = values if all(o.values for o in options) else ()
        return replace(options[0], type=type_, values=whole, name="")
    if kinds == {"array"}:
        return options[0]
    return Shape(kind="any")


def _alternatives(known: Any, other: Any) -> Node:
    joined = isinstance(known, Mapping) and set(known) == {"anyOf"}
    return {"anyOf": [*(sequence(known["anyOf"]) if joined else [known]), other]}


def _says_anything(own: Shape) -> bool:
    return own.kind != "any" and not (own.kind == "object" and not own.members)


def _is_null(document: Document, option: Any) -> bool:
    known = document.resolved(option)
    return known.get("type") == "null" or known.get("enum") == [None]


def _name(schema: Node) -> str:
    reference = schema.get("$ref")
    return reference.rsplit("/", 1)[-1] if isinstance(reference, str) else ""


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def inside(document: Document, shape: Shape, depth: int) -> Iterator[tuple[tuple[str, ...], Shape]]:
    """Yield path and shape of everything within an object, no deeper than ``depth`` members."""
    for name, schema in shape.members.items():
        inner = shape_of(document, schema)
        yield (name,), inner
        if depth > 1 and inner.kind == "object":
            for path, deeper in inside(document, inner, depth - 1):
                yield (name, *path), deeper
