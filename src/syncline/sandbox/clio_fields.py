"""Clio's ``fields`` parameter: what is asked for, whether it may be, and the rows it gives."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from syncline.sandbox import describe
from syncline.sandbox.clio_shapes import Shape, Shapes
from syncline.sandbox.rows import Draw, Store, Table

_NESTED_ROWS = 20_000
_ROW_BYTES = 64 * 1024 * 1024
_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_")


class InvalidFieldsError(Exception):
    """The ``fields`` parameter names what does not exist, or nests too deep."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One name of the parameter; ``inner`` is None where no braces follow it."""

    name: str
    inner: "tuple[Wanted, ...] | None" = None


def parse(text: str) -> tuple[Wanted, ...]:
    """``id,matter{id,number}`` to names. Raises InvalidFieldsError on anything else."""
    found, position = _names(text, 0, depth=0)
    if position != len(text):
        raise InvalidFieldsError(f"Unexpected character at position {position + 1} of the fields.")
    return found


def _names(text: str, position: int, *, depth: int) -> tuple[tuple[Wanted, ...], int]:
    found: list[Wanted] = []
    while True:
        start = position
        while position < len(text) and text[position] in _NAME_CHARACTERS:
            position += 1
        name = text[start:position]
        if not name:
            raise InvalidFieldsError(f"A field name is missing at position {position + 1}.")
        inner = None
        if position < len(text) and text[position] == "{":
            if depth:
                raise InvalidFieldsError(f"{name} is nested deeper than one level.")
            inner, position = _names(text, position + 1, depth=depth + 1)
            if position >= len(text) or text[position] != "}":
                raise InvalidFieldsError(f"The braces of {name} are not closed.")
            position += 1
        found.append(Wanted(name, inner))
        if position < len(text) and text[position] == ",":
            position += 1
            continue
        return tuple(found), position


Reader = Callable[[Draw], object]


class Projections:
    """Compiled ``fields`` with rendered rows and nested objects, forgotten on any change."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.shapes = Shapes(store)
        self._version = store.version
        self._known: dict[tuple[str, str, str, frozenset[int]], Projection] = {}
        self.bytes = 0

    def of(
        self,
        entry: describe.ClioList,
        table: Table,
        fields: str,
        custom: frozenset[int] = frozenset(),
    ) -> "Projection":
        """The projection of a list for a ``fields`` text; empty means the defaults.

        ``custom`` narrows custom field values to definitions with those row numbers. Raises
        InvalidFieldsError.
        """
        if self._version != self._store.version or self.bytes > _ROW_BYTES:
            self._known.clear()
            self.bytes = 0
            self._version = self._store.version
        key = (entry.path, table.name, fields, custom)
        known = self._known.get(key)
        if known is None:
            shape = self.shapes.of_list(entry, table)
            wanted = parse(fields) if fields else _defaults(entry.schema)
            known = Projection(self, table, self.compile(shape, wanted, custom))
            self._known[key] = known
        return known

    def compile(
        self, shape: Shape, wanted: tuple[Wanted, ...], custom: frozenset[int] = frozenset()
    ) -> list[tuple[str, Reader]]:
        plan: list[tuple[str, Reader]] = []
        for item in wanted:
            association = shape.schema.nested.get(item.name)
            if association is not None:
                plan.append((item.name, self._nested(shape, item, association, custom)))
            elif item.name not in shape.schema.fields:
                raise InvalidFieldsError(f"{item.name} is not a field of {shape.schema.name}.")
            elif item.inner is not None:
                raise InvalidFieldsError(
                    f"{item.name} of {shape.schema.name} has no fields of its own."
                )
            else:
                plan.append((item.name, shape.fields[item.name]))
        return plan

    def _nested(
        self, shape: Shape, item: Wanted, association: describe.Association, custom: frozenset[int]
    ) -> Reader:
        inner = self.shapes.of(association.schema)
        plan = self.compile(
            inner, item.inner if item.inner is not None else _defaults(inner.schema)
        )
        encode = msgspec.json.encode
        known: dict[tuple[str, int], msgspec.Raw] = {}

        def one(draw: Draw) -> object:
            if draw.position >= 0:
                return render(plan, draw)
            key = (draw.table.name, draw.index)
            made = known.get(key)
            if made is None:
                if len(known) >= _NESTED_ROWS:
                    known.clear()
                made = known[key] = msgspec.Raw(encode(render(plan, draw)))
            return made

        if association.many:
            spread = shape.many[item.name]
            if custom and item.name == "custom_field_values":
                return lambda draw: [
                    one(found) for found in spread(draw) if found.position in custom
                ]
            return lambda draw: [one(found) for found in spread(draw)]
        follow = shape.single[item.name]

        def single(draw: Draw) -> object:
            found = follow(draw)
            return None if found is None else one(found)

        return single


class Projection:
    """One list's rows as JSON, each rendered once."""

    def __init__(self, owner: Projections, table: Table, plan: list[tuple[str, Reader]]) -> None:
        self._owner = owner
        self._table = table
        self._plan = plan
        self._rows: dict[int, bytes] = {}

    def row(self, index: int) -> bytes:
        made = self._rows.get(index)
        if made is None:
            made = msgspec.json.encode(render(self._plan, self._table.draw(index)))
            self._rows[index] = made
            self._owner.bytes += len(made) + 100
        return made


def render(plan: list[tuple[str, Reader]], draw: Draw) -> dict[str, object]:
    row = {name: read(draw) for name, read in plan}
    if draw.position < 0:
        changed = draw.table.changes.values.get(draw.index)
        if changed:
            for name, value in changed.items():
                if name in row:
                    row[name] = value
    return row


def everything(schema: describe.Schema) -> str:
    """The ``fields`` text for every field and every plain field of nested objects."""
    schemas = describe.clio().schemas
    parts = list(schema.fields)
    for name, association in schema.nested.items():
        inner = ",".join(schemas[association.schema].fields)
        parts.append(f"{name}{{{inner}}}" if inner else name)
    return ",".join(parts)


def _defaults(schema: describe.Schema) -> tuple[Wanted, ...]:
    return tuple(Wanted(name) for name in schema.defaults())
