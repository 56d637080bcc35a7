"""What a database holds, as system views tell it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from standins.tds.catalog import DEFAULT_COLLATION, Column, Key, Table
from standins.tds.session import Session

#: Names of columns and rows. Names with ``:i`` are int, ``:l`` bigint, ``:b`` bit, others text.
Rows = tuple[str, list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """A key with its number in its table."""

    table: Table
    key: Key
    number: int

    @property
    def object_id(self) -> int:
        """The number of the constraint."""
        return self.table.object_id * 1000 + 900 + self.number

    @property
    def kind(self) -> tuple[int, str]:
        """type and type_desc."""
        number = (5 if self.key.columnstore else 1) + (not self.key.clustered)
        name = "CLUSTERED" if self.key.clustered else "NONCLUSTERED"
        return number, name + (" COLUMNSTORE" if self.key.columnstore else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a database holds, as the session's user sees it."""

    session: Session
    database: str
    objects: Sequence[Table]

    @property
    def tables(self) -> list[Table]:
        """Tables without views."""
        return [t for t in self.objects if not t.view]

    @property
    def columns(self) -> list[tuple[Table, int, Column]]:
        """Columns with their ordinal numbers."""
        return [(t, i, c) for t in self.objects for i, c in enumerate(t.columns, 1)]

    @property
    def indexes(self) -> list[Index]:
        """Indexes; a clustered one has the number 1."""
        found = []
        for table in self.objects:
            number = 2
            for key in table.keys:
                if key.clustered:
                    found.append(Index(table=table, key=key, number=1))
                else:
                    found.append(Index(table=table, key=key, number=number))
                    number += 1
        return found


def collation(column: Column) -> str | None:
    """Return the name of a text column's collation."""
    return (column.collation or DEFAULT_COLLATION) if column.kind.is_text else None
