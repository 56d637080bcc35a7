"""What the two APIs have: lists, fields, filters, orders, from the shipped descriptions."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A scalar's type and the values of an enum.

    Types: string, enum, int32, int64, double, boolean, date, datetime, ``[type]``.
    """

    name: str
    choices: tuple[str, ...] = ()
    verbose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """A nested object, or list of objects, of another schema."""

    schema: str
    many: bool
    verbose: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    name: str
    fields: Mapping[str, Kind]
    nested: Mapping[str, Association]

    def defaults(self) -> tuple[str, ...]:
        """What an answer holds when no fields are asked for: id and etag, else all."""
        named = tuple(name for name in ("id", "etag") if name in self.fields)
        return named or (*self.fields, *(() if self.fields else self.nested))


@dataclass(frozen=True, slots=True, kw_only=True)
class ClioList:
    """One Clio list endpoint; ``path`` is without prefix and suffix, with ``{parent}`` segments."""

    path: str
    table: str
    schema: Schema
    limit: int
    default_order: str
    orders: frozenset[str]
    required: tuple[str, ...]
    filters: frozenset[str]
    show: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickTimeList:
    """One ClickTime list endpoint; ``order`` holds (field, descending) pairs."""

    path: str
    model: Schema | None
    order: tuple[tuple[str, bool], ...]
    parameters: Mapping[str, str]
    limit: int | None
    required: tuple[str, ...]
    show: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Clio:
    lists: tuple[ClioList, ...]
    schemas: Mapping[str, Schema]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClickTime:
    lists: tuple[ClickTimeList, ...]
    singles: Mapping[str, str]
    models: Mapping[str, Schema]


class _RawSchema(msgspec.Struct):
    fields: dict[str, str]
    nested: dict[str, str]


class _RawClioList(msgspec.Struct):
    path: str
    table: str
    item: str
    limit: int = 200
    default_order: str = "id(asc)"
    orders: list[str] = []
    required: list[str] = []
    filters: list[str] = []
    show: bool = False


class _RawClio(msgspec.Struct):
    lists: list[_RawClioList]
    schemas: dict[str, _RawSchema]


class _RawClickTimeList(msgspec.Struct):
    path: str
    model: str
    order: list[str]
    parameters: dict[str, str] = {}
    limit: int | None = None
    required: list[str] = []
    show: bool = False


class _RawClickTime(msgspec.Struct):
    lists: list[_RawClickTimeList]
    singles: dict[str, str]
    models: dict[str, dict[str, str]]


def _read(name: str) -> bytes:
    return resources.files("syncline.sandbox").joinpath("data", name).read_bytes()


def _kind(written: str) -> Kind:
    verbose = written.startswith("+")
    name, _, rest = written.lstrip("+").partition(" ")
    renamed = {"bool": "boolean", "int": "int32"}.get(name, name)
    return Kind(name=renamed, choices=tuple(rest.split("|")) if rest else (), verbose=verbose)


def _association(written: str) -> Association:
    return Association(schema=written.strip("[]"), many=written.startswith("["))


@cache
def clio() -> Clio:
    raw = msgspec.json.decode(_read("clio.json"), type=_RawClio)
    schemas = {
        name: Schema(
            name=name,
            fields={field: _kind(written) for field, written in schema.fields.items()},
            nested={field: _association(written) for field, written in schema.nested.items()},
        )
        for name, schema in raw.schemas.items()
    }
    lists = tuple(
        ClioList(
            path=entry.path,
            table=entry.table,
            schema=schemas[entry.item],
            limit=entry.limit,
            default_order=entry.default_order,
            orders=frozenset(entry.orders or ["id"]),
            required=tuple(entry.required),
            filters=frozenset(entry.filters),
            show=entry.show,
        )
        for entry in raw.lists
    )
    return Clio(lists=lists, schemas=schemas)


def _model(name: str, fields: Mapping[str, str]) -> Schema:
    scalars: dict[str, Kind] = {}
    nested: dict[str, Association] = {}
    for field, written in fields.items():
        bare = written.lstrip("+")
        if bare.startswith(("ref ", "[ref ")):
            nested[field] = Association(
                schema=bare.strip("[]").removeprefix("ref "),
                many=bare.startswith("["),
                verbose=written.startswith("+"),
            )
        else:
            scalars[field] = _kind(written)
    return Schema(name=name, fields=scalars, nested=nested)


@cache
def clicktime() -> ClickTime:
    raw = msgspec.json.decode(_read("clicktime.json"), type=_RawClickTime)
    models = {name: _model(name, fields) for name, fields in raw.models.items()}
    lists = tuple(
        ClickTimeList(
            path=entry.path,
            model=models.get(entry.model),
            order=tuple(
                (part.removesuffix(" desc"), part.endswith(" desc")) for part in entry.order
            ),
            parameters=entry.parameters,
            limit=entry.limit,
            required=tuple(entry.required),
            show=entry.show,
        )
        for entry in raw.lists
    )
    return ClickTime(lists=lists, singles=raw.singles, models=models)
