"""Arrow tables cut, marked and fitted: what needs no SQL engine."""

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from syncline.model.table import Deleted


def one_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    """Return a table's rows as one batch of exactly this schema, cast column by column.

    Raises:
        pa.ArrowInvalid: a value does not fit its column's type.
    """
    arrays = []
    for field, column in zip(schema, table.columns, strict=True):
        fitted = column if column.type == field.type else column.cast(field.type)
        chunks = fitted.combine_chunks()
        arrays.append(pa.concat_arrays(chunks.chunks) if _is_chunked(chunks) else chunks)
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def empty_batch(schema: pa.Schema) -> pa.RecordBatch:
    """Return a batch of no rows."""
    return one_batch(schema.empty_table(), schema)


def picked(records: pa.RecordBatch, columns: Sequence[str], schema: pa.Schema) -> pa.RecordBatch:
    """Return some columns under the names of ``schema``, without touching their values."""
    return pa.RecordBatch.from_arrays([records.column(name) for name in columns], schema=schema)


def gone(rows: pa.RecordBatch | pa.Table, deleted: Deleted | None) -> pa.Array | None:
    """Return which rows are marked as deleted; None: not one of them is."""
    if deleted is None:
        return None
    column = rows.column(deleted.column)
    if deleted.values:
        values = [v.lower() if pa.types.is_boolean(column.type) else v for v in deleted.values]
        mask = pc.is_in(column.cast(pa.string()), value_set=pa.array(values, pa.string()))
    elif pa.types.is_boolean(column.type):
        mask = pc.fill_null(column, False)
    else:
        mask = pc.is_valid(column)
    return mask if pc.any(mask).as_py() else None


def table_of(batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    """Return the rows of some batches of a scan, without copying them."""
    columns = [
        pa.chunked_array([batch.column(name) for batch in batches], schema.field(name).type)
        for name in schema.names
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def last_wins(
    kept: pa.Table, lost: pa.Table, key: Sequence[str], row: str
) -> tuple[pa.Table, pa.Table]:
    """Return the rows of both tables without those that a later row of the same key replaces.

    ``row``: the column that says in which order rows came; both results are without it.
    """
    names = [*key, row]
    both = pa.concat_tables([kept.select(names), lost.select(names)])
    last = both.group_by(list(key)).aggregate([(row, "max")]).column(f"{row}_max")
    winners = last.combine_chunks() if last.num_chunks != 1 else last.chunk(0)
    return (
        kept.filter(pc.is_in(kept.column(row), value_set=winners)).drop_columns([row]),
        lost.filter(pc.is_in(lost.column(row), value_set=winners)).drop_columns([row]),
    )


def _is_chunked(column: object) -> bool:
    return isinstance(column, pa.ChunkedArray)
