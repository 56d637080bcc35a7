"""A profile's columns, flattened and typed."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import pyarrow as pa

from syncline.model.table import field_of
from syncline.profile.schema import (
    ApiTable,
    Child,
    Column,
    ColumnFilter,
    Columns,
    ObjectColumn,
    ParentFanOut,
    Profile,
    ValueFanOut,
)

_TYPES: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "datetime": pa.timestamp("us", tz="UTC"),
    "time": pa.time64("us"),
    "json": pa.string(),
    "scalar": pa.string(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatColumn:
    """One column as tables have it."""

    name: str
    #: As written in the profile: "integer", "decimal(12,2)", "json" …
    type: str
    #: Where the value is in the record; empty: not in the record (see ``origin``).
    path: tuple[str, ...]
    #: "record", "parent" (a column of the parent record, at ``path`` in it),
    #: "fan_out" (the value of the walk), "filter" (the value that was asked for), "header" (a
    #: header of the answer) or "constant"; ``source`` names the header or is the template.
    origin: str = "record"
    source: str = ""
    size: int | None = None
    required: bool = False
    description: str = ""
    #: For json: the members to ask for.
    fields: tuple[str, ...] = ()

    @property
    def field(self) -> pa.Field:
        """The Arrow field of the column."""
        return field_of(
            self.name,
            arrow_type(self.type),
            nullable=not self.required,
            description=self.description,
            size=self.size,
            json=self.type == "json",
        )


def arrow_type(type_: str) -> pa.DataType:
    """Return the Arrow type of a type name of profiles."""
    if decimal := re.fullmatch(r"decimal\((\d+),(\d+)\)", type_):
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    return _TYPES[type_]


def table_columns(profile: Profile, table: ApiTable) -> tuple[FlatColumn, ...]:
    """Return the columns of a table: of its records, of its fan-out, and filter-only ones.

    Columns of the primary key are never null.
    """
    columns = list(_flatten(table.columns))
    names = {c.name for c in columns}
    for walked in _walked(profile, table):
        if walked.name not in names:
            columns.append(walked)
            names.add(walked.name)
    for name, filters in table.filters.items():
        first: ColumnFilter = filters[0] if isinstance(filters, tuple) else filters
        if name not in names and first.type:
            columns.append(
                FlatColumn(
                    name=name,
                    type=first.type,
                    path=(),
                    origin="filter",
                    description=first.description or "Only to filter by.",
                )
            )
    return tuple(replace(c, required=True) if c.name in table.primary_key else c for c in columns)


def child_columns(profile: Profile, table: ApiTable, child: Child) -> tuple[FlatColumn, ...]:
    """Return the columns of a child table: those of its parent that it repeats, and its own.

    Columns of the primary key are never null.
    """
    parents = {c.name: c for c in table_columns(profile, table)}
    repeated = [
        replace(
            parents[column],
            name=name,
            origin="parent" if parents[column].origin == "record" else parents[column].origin,
            required=False,
            fields=(),
        )
        for name, column in child.parent.items()
    ]
    return tuple(
        replace(c, required=True) if c.name in child.primary_key else c
        for c in (*repeated, *_flatten(child.columns))
    )


def _walked(profile: Profile, table: ApiTable) -> Iterator[FlatColumn]:
    """Yield the columns that repeat what a walk of the fan-out is for."""
    match table.fan_out:
        case ParentFanOut(parent=parent, column=column, into=into, also=also):
            types = _types(profile, parent, [])
            for own, name in ((column, into), *also.items()):
                if name is not None:
                    yield _repeated(name, types.get(own, "string"), f"The {own} of {parent}.")
        case ValueFanOut(into=str(into), values=values, setting=setting):
            known = ", ".join(values) or f"those of {setting}"
            yield _repeated(into, "string", f"One of: {known}.")
        case _:
            pass


def _types(profile: Profile, name: str, below: list[str]) -> dict[str, str]:
    """Return the types of a table's columns, those that it repeats of its parents among them."""
    table = profile.tables.get(name)
    if table is None or name in below:
        return {}
    found = {c.name: c.type for c in _flatten(table.columns)}
    match table.fan_out:
        case ParentFanOut(parent=parent, column=column, into=into, also=also):
            above = _types(profile, parent, [*below, name])
            every = [(column, into), *also.items()]
            return {own: above.get(other, "string") for other, own in every if own} | found
        case _:
            return found


def _repeated(name: str, type_: str, description: str) -> FlatColumn:
    return FlatColumn(
        name=name, type=type_, path=(), origin="fan_out", required=True, description=description
    )


def _flatten(columns: Columns) -> Iterator[FlatColumn]:
    for name, column in columns.items():
        match column:
            case ObjectColumn(object=members):
                for member, inner in members.items():
                    yield _flat(f"{name}_{member}", inner, (name, member))
            case _:
                yield _flat(name, column, (name,))


def _flat(name: str, column: str | Column, path: tuple[str, ...]) -> FlatColumn:
    if isinstance(column, str):
        return FlatColumn(name=name, type=column, path=path)
    other = column.value if column.header is None else column.header
    origin = "header" if column.header else "record" if other is None else "constant"
    return FlatColumn(
        name=name,
        type=column.type,
        path=() if origin != "record" else tuple(column.path.split(".")) if column.path else path,
        origin=origin,
        source=other or "",
        size=column.size,
        required=column.required,
        description=column.description,
        fields=column.fields,
    )
