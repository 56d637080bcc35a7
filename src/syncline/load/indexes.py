"""Indexes on the key of a table, so that a merge need not read the whole of it. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
from sqlglot import exp

from syncline.load.ddl import create_index, drop_index
from syncline.model.ports import Traits
from syncline.model.table import is_columnstore, is_indexed, size_of
from syncline.model.types import key_bytes, sql_type

#: Our indexes; names of indexes are the table's own.
_KEY, _COLUMNS = "_syncline_key", "_syncline_columns"
_CLUSTERED_BYTES, _KEY_COLUMNS = 900, 32
#: Characters of a text that may be too long to sort by, together with others.
_LONG = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeIndex:
    """An index that comes, or that goes while one of its columns changes."""

    what: str
    sql: exp.Expression

    additive = True

    def __str__(self) -> str:
        return self.what

    def statement(self, dialect: str) -> exp.Expression:  # noqa: ARG002 (as of other changes)
        """Return the statement that makes the change."""
        return self.sql


def indexes(
    table: exp.Table,
    schema: pa.Schema,
    key: Sequence[str],
    traits: Traits,
    *,
    columnstore: bool = False,
) -> list[exp.Create]:
    """Return what gives a new table its indexes.

    None of them is unique: the database takes texts that differ in blanks at their end for one.
    """
    if not traits.index_bytes:
        return []
    fields = [schema.field(name) for name in key]
    if traits.dialect == "postgres":
        return _hashed_or_sorted(table, fields)
    by_columns = columnstore and traits.columnstore
    made = [_by_columns(table)] if by_columns else []
    size = _size(fields, key, traits)
    if size is not None:
        made.append(_by_key(table, key, clustered=size <= _CLUSTERED_BYTES and not by_columns))
    return made


def changed(
    table: exp.Table,
    current: pa.Schema,
    key: Sequence[str],
    widened: Mapping[str, pa.Field],
    traits: Traits,
    *,
    columnstore: bool,
) -> tuple[list[ChangeIndex], list[ChangeIndex]]:
    """Return what to do with a table's indexes before its columns change, and after.

    ``widened``: the columns of ``current`` that change, as they will be.
    An index that the table lacks comes beside what it has, so that it is not written anew.
    """
    if not traits.index_bytes:
        return [], []
    held = {_folded(f.name, traits): f for f in current}
    fields = [held[_folded(k, traits)] for k in key if _folded(k, traits) in held]
    names = [f.name for f in fields]
    was, wanted = is_columnstore(current), columnstore and traits.columnstore
    indexed = any(is_indexed(f) for f in fields)
    before, after = [], []
    if traits.dialect == "postgres":
        # It changes indexed columns with their indexes.
        new = [] if indexed or len(fields) < len(key) else _hashed_or_sorted(table, fields)
        return [], [ChangeIndex(what=f"add an index on {', '.join(names)}", sql=n) for n in new]
    if was and widened:
        before.append(_drop(table, _COLUMNS))
    if (wanted and not was) or (was and widened):
        after.append(ChangeIndex(what="keep the table by columns", sql=_by_columns(table)))
    gone = indexed and bool((wanted and not was) or widened.keys() & set(names))
    if gone:
        before.append(_drop(table, _KEY))
    fields = [widened.get(f.name, f) for f in fields]
    size = _size(fields, widened, traits) if len(fields) == len(key) else None
    if size is not None and (gone or not indexed):
        clustered = gone and size <= _CLUSTERED_BYTES and not (wanted or was)
        create = _by_key(table, names, clustered=clustered)
        after.append(ChangeIndex(what=f"add an index on {', '.join(names)}", sql=create))
    return before, after


def _hashed_or_sorted(table: exp.Table, fields: Sequence[pa.Field]) -> list[exp.Create]:
    """Return an index that holds every key, however long its texts are.

    PostgreSQL refuses a sorted entry of more than 2,704 bytes. Of such keys the columns that are
    short are enough to find a few rows; the hash of a text is short too.
    """
    short = [f.name for f in fields if not (_long(f.type) and (size_of(f) or _LONG) >= _LONG)]
    if short:
        return [create_index(table, None, short[:_KEY_COLUMNS])]
    return [create_index(table, None, [f.name], "hash") for f in fields[:1]]


def _long(type_: pa.DataType) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary)
    return any(is_(type_) for is_ in (*kinds, pa.types.is_large_binary))


def _size(fields: Sequence[pa.Field], made: Collection[str], traits: Traits) -> int | None:
    """Return the bytes of a key; None if it cannot have an index. ``made``: to be made by us."""
    if not 0 < len(fields) <= _KEY_COLUMNS:
        return None
    size = key_bytes(sql_type(f, traits.dialect, key=f.name in made) for f in fields)
    return size if size is not None and size <= traits.index_bytes else None


def _by_key(table: exp.Table, key: Sequence[str], *, clustered: bool) -> exp.Create:
    return create_index(table, _KEY, key, "CLUSTERED" if clustered else "NONCLUSTERED")


def _by_columns(table: exp.Table) -> exp.Create:
    return create_index(table, _COLUMNS, (), "CLUSTERED COLUMNSTORE")


def _drop(table: exp.Table, name: str) -> ChangeIndex:
    return ChangeIndex(what=f"drop the index {name} for a while", sql=drop_index(table, name))


def _folded(name: str, traits: Traits) -> str:
    return name if traits.case_sensitive else name.lower()
