"""What a source offers (`Table`) and what is asked of it (`Scan`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

import pyarrow as pa


class Operator(StrEnum):
    """A comparison that a source may be able to answer itself."""

    EQ = "="
    NE = "<>"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    IN = "in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which comparisons on one column the source answers itself."""

    operators: frozenset[Operator]
    #: The source refuses to list the table without this filter.
    required: bool = False
    #: False: the source answers with a superset, so the engine filters again.
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """How a row of the source itself says that it is gone."""

    column: str
    #: The row is gone if the column has one of these values; empty: if it is true or not null.
    values: tuple[str, ...] = ()


class Misses(StrEnum):
    """When a read of a table misses a row that is there all the time."""

    NEVER = "never"
    #: Where others go between two pages, and as many come.
    EXCHANGED = "exchanged"
    #: Where others go between two pages.
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of a source.

    Fields of ``schema`` may carry metadata, see `field_of`.
    """

    name: str
    schema: pa.Schema
    description: str = ""
    primary_key: tuple[str, ...] = ()
    #: The column that grows with every change; None if only full reads are possible.
    cursor_column: str | None = None
    #: Filters by column.
    filters: Mapping[str, Filter] = field(default_factory=dict)
    #: Columns of ``schema`` that the source takes as filter but does not return. A read that
    #: was given ``column = value`` yields the value in every row; otherwise null.
    filter_only: frozenset[str] = frozenset()
    deleted: Deleted | None = None
    #: The column by which the source can be read in disjoint windows at the same time.
    window_column: str | None = None
    misses: Misses = Misses.NEVER
    #: One request with this comparison of its key tells whether a row is there; None: none does.
    asked_by: Operator | None = None
    #: Where its rows are, such as the address of an API; rows of another place are other rows.
    origin: str = ""
    #: Names that may stand before its own in a query: of the connection and of what it connects to.
    qualifiers: tuple[str, ...] = ()


Value: TypeAlias = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """``column operator value``, handed to the source; several values only with IN."""

    column: str
    operator: Operator
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One read of one table, as narrow as the source can make it."""

    table: Table
    #: In the order of the table's schema.
    columns: tuple[str, ...]
    predicates: tuple[Predicate, ...] = ()
    #: Stop after so many rows; a source may yield more.
    limit: int | None = None
    #: Yield rows that are marked as deleted too, where the source can tell.
    deleted: bool = False
    #: Read so many disjoint windows at once, where the table has a window column.
    parallel: int = 1
    #: The first moment of interest, for sources read in windows of time.
    start: datetime | None = None
    #: Days of each window of a whole read, where the table has a window column; None: as it fits.
    window_days: int | None = None
    #: Hand over rows that do not fit as `Reject`; otherwise they are an error.
    keep_rejects: bool = False
    #: Take nothing of what an earlier read was answered.
    fresh: bool = False

    @property
    def schema(self) -> pa.Schema:
        """The schema of the rows this scan yields."""
        return pa.schema([self.table.schema.field(name) for name in self.columns])


def field_of(
    name: str,
    type_: pa.DataType,
    *,
    nullable: bool = True,
    description: str = "",
    size: int | None = None,
    json: bool = False,
    made_by: str = "",
    utf16: bool = False,
    indexed: bool = False,
    native: str = "",
    uncompared: bool = False,
    padded: bool = False,
) -> pa.Field:
    """Return an Arrow field that carries what Arrow has no word for.

    ``size``: the greatest number of characters of a text. ``json``: the text is JSON.
    ``made_by``, of a database's column: "default" if it fills in a missing value, "identity" if
    it numbers rows, "expression" if it computes the value and takes none. ``utf16``, of a
    database's column: the size counts UTF-16 units, of which a character may have two.
    ``indexed``, of a database's column: an index begins with it. ``native``, of a database's
    column: its type, which shows its values as text but takes none. ``uncompared``, of a
    database's column: its type has no equality, so that values are compared as texts.
    ``padded``, of a database's column: it fills a text with blanks, and never finds it again.
    """
    metadata = {
        key: value
        for key, value in (
            ("description", description),
            ("size", str(size) if size else ""),
            ("json", "true" if json else ""),
            ("made_by", made_by),
            ("utf16", "true" if utf16 else ""),
            ("indexed", "true" if indexed else ""),
            ("native", native),
            ("uncompared", "true" if uncompared else ""),
            ("padded", "true" if padded else ""),
        )
        if value
    }
    return pa.field(name, type_, nullable=nullable, metadata=metadata or None)


def description_of(field: pa.Field) -> str:
    """Return the description a field carries, or ''."""
    return _metadata(field).get(b"description", b"").decode()


def size_of(field: pa.Field) -> int | None:
    """Return the greatest number of characters a text field may have, if it is known."""
    size = _metadata(field).get(b"size")
    return int(size) if size else None


def units_of(field: pa.Field) -> int | None:
    """Return the greatest number of UTF-16 units a text field may have, if it is known."""
    size = size_of(field)
    return size if size is None or _metadata(field).get(b"utf16") == b"true" else 2 * size


def is_indexed(field: pa.Field) -> bool:
    """Say whether an index of the database begins with the column."""
    return _metadata(field).get(b"indexed") == b"true"


def is_columnstore(schema: pa.Schema) -> bool:
    """Say whether a described table is kept by columns."""
    return (schema.metadata or {}).get(b"columnstore") == b"true"


def is_json(field: pa.Field) -> bool:
    """Say whether a text field holds JSON."""
    return _metadata(field).get(b"json") == b"true"


def is_uncompared(field: pa.Field) -> bool:
    """Say whether a database's column has a type without equality."""
    return _metadata(field).get(b"uncompared") == b"true"


def is_padded(field: pa.Field) -> bool:
    """Say whether a database's column fills a text with blanks, and is not equal to it then."""
    return _metadata(field).get(b"padded") == b"true"


def native_of(field: pa.Field) -> str:
    """Return the type of a database's column that takes no text, though it shows it; or ''."""
    return _metadata(field).get(b"native", b"").decode()


def made_by(field: pa.Field) -> str:
    """Return how a database makes a value of the column itself; '' if it does not."""
    return _metadata(field).get(b"made_by", b"").decode()


def _metadata(field: pa.Field) -> Mapping[bytes, bytes]:
    return field.metadata or {}
