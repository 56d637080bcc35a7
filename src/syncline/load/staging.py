"""A staging table: where rows wait, in order, until the commit that makes them visible."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from syncline.errors import RecordRefused
from syncline.load.ddl import create_table, drop_table
from syncline.load.disposition import GONE, SEQUENCE
from syncline.model.batch import Batch, Reject
from syncline.model.ports import Destination, Traits
from syncline.model.table import is_json, is_uncompared

#: Bytes gathered at most before they are handed to the destination, however few the rows.
_GATHERED_BYTES = 64 << 20
#: Rows of a commit whose keys are remembered, to tell whether one comes twice.
REMEMBERED = 2_000_000

#: The columns of a reject table.
REJECTS = pa.schema(
    [
        ("run", pa.string()),
        ("rejected_at", pa.timestamp("us", tz="UTC")),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("record", pa.string()),
        # Of no other row: what was kept before there were such names has none.
        ("id", pa.string()),
    ]
)


class Staging:
    """Rows of one attempt, with the order of their arrival and a mark on removals."""

    def __init__(
        self,
        *,
        destination: Destination,
        table: exp.Table,
        schema: pa.Schema,
        key: Sequence[str],
        keep_rejects: bool,
        ignoring: bool = False,
        kept: bool = False,
        first: int = 0,
        remembered: int = REMEMBERED,
    ) -> None:
        self.table = table
        #: Rows staged since the last `reset`.
        self.rows = 0
        #: How many of them are removals.
        self.removals = 0
        self.rejects: list[Reject] = []
        self._destination = destination
        self._key = tuple(key)
        self._keep_rejects = keep_rejects or ignoring
        self._ignoring = ignoring
        self._kept = kept
        self._records = schema
        self._schema = pa.schema([*schema, (SEQUENCE, pa.int64()), (GONE, pa.bool_())])
        self._gathered: list[tuple[pa.RecordBatch, bool]] = []
        self._waiting = self._waiting_bytes = 0
        #: Of all rows since the last `reset`; None where not all of them are known.
        self._keys: list[pa.RecordBatch] | None = []
        self._bound = remembered
        self._remembered = 0
        self._distinct: bool | None = None
        self._sequence = first
        self._there = False
        #: A checkpoint may cover what is staged, for as long as the pass takes.
        self._covered = False

    async def add(self, batch: Batch) -> None:
        """Take a batch's rows, then its removals."""
        self.rejects.extend(batch.rejects)
        self._gather(self._with_keys(batch.records), gone=False)
        if batch.removed is not None:
            self._gather(batch.removed, gone=True)
        full = self._waiting >= self._destination.traits.ingest_rows
        if full or self._waiting_bytes >= _GATHERED_BYTES:
            await self.flush()

    async def flush(self) -> None:
        """Hand what is gathered to the destination."""
        # A commit of a pass that is kept as files has some, even without rows.
        if not (self._gathered or (self._kept and not self.rows)):
            return
        if not self._there:
            await self._create()
        if self._gathered:
            await self._ingest(self._joined())
        if self._kept and not self.rows:
            # Without any: there were none, or all of them were refused.
            await self._destination.ingest(self.table, self._schema.empty_table())

    @property
    def tables(self) -> Sequence[exp.Table]:
        """The table, if anything has been staged since the last `reset`."""
        return [self.table] if self._there else []

    def keys(self) -> pa.Table | None:
        """Return the keys of all staged rows, or None where there are too many, or no keys."""
        return pa.Table.from_batches(self._keys) if self._keys else None

    def has_distinct_keys(self) -> bool:
        """Say whether no two staged rows have the same key, where that costs next to nothing.

        Asked here, because the database would have to sort the rows for it.
        """
        if self._distinct is None:
            traits, keys = self._destination.traits, self.keys()
            fields = [self._records.field(name) for name in self._key]
            told = keys is not None and all(_is_compared(f, traits) for f in fields)
            self._distinct = keys is not None and told and _all_differ(keys)
        return self._distinct

    def offer(self) -> None:
        """Note that a commit begins, which may stay without an answer."""
        self._covered = self._kept

    def reset(self, table: exp.Table) -> None:
        """Note that a commit has applied the table; the next rows go to another or a new one."""
        self.table = table
        self._keys, self._distinct, self._remembered = [], None, 0
        self.rows = self.removals = 0
        self.rejects = []
        self._there = self._covered = False

    async def forget(self) -> None:
        """Throw away what is staged."""
        self._gathered, self._waiting, self._waiting_bytes = [], 0, 0
        await self.drop()
        self.reset(self.table)

    async def drop(self) -> None:
        """Remove the table, unless it may be part of a pass by now."""
        if self._there and not self._covered:
            await self._destination.execute([drop_table(self.table)])
            self._there = False

    async def _ingest(self, rows: pa.Table) -> None:
        """Hand rows over; find those that do not fit by halving, if they may be rejected."""
        try:
            await self._destination.ingest(self.table, rows)
        except RecordRefused as error:
            if not self._keep_rejects:
                raise
            if rows.num_rows > 1:
                half = rows.num_rows // 2
                await self._ingest(rows.slice(0, half))
                await self._ingest(rows.slice(half))
                return
            self.rows -= 1
            self.removals -= 1 if rows[GONE][0].as_py() else 0
            (row,) = rows.select(self._records.names).to_pylist()
            self._refuse(Reject(record=as_json(row), reason=str(error)))

    def _refuse(self, reject: Reject) -> None:
        if not self._ignoring:
            self.rejects.append(reject)

    async def _create(self) -> None:
        traits = self._destination.traits
        statement = create_table(
            self.table,
            self._schema,
            traits.dialect,
            # Types that are compared fast, and those that the target's key has.
            key=self._key,
            temporary=traits.temporary_staging,
        )
        await self._destination.execute([drop_table(self.table), statement])
        self._there = True

    def _gather(self, records: pa.RecordBatch, *, gone: bool) -> None:
        count = records.num_rows
        if count:
            self._gathered.append((records, gone))
            self._waiting += count
            self._waiting_bytes += records.get_total_buffer_size()
            self.rows += count
            self.removals += count if gone else 0
            self._remember(records)

    def _remember(self, records: pa.RecordBatch) -> None:
        """Keep the keys of rows; where one is missing, or there are too many, keep none."""
        self._distinct = None
        if self._keys is None or not self._key:
            return
        fields = [pa.field(name, self._records.field(name).type) for name in self._key]
        try:
            # Removals come with the types that the source has.
            columns = [records.column(f.name).cast(f.type) for f in fields]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            self._keys = None
            return
        self._keys.append(pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields)))
        # Never fewer again before the next commit, though some of the rows may be rejected.
        self._remembered += records.num_rows
        if self._remembered > self._bound:
            self._keys = None

    def _joined(self) -> pa.Table:
        """Return what is gathered as one table, numbered and marked."""
        pieces = [
            pa.Table.from_batches([records for records, _ in group])
            for _, group in groupby(self._gathered, key=_alike)
        ]
        rows = pa.concat_tables(
            [
                piece
                if piece.schema.names == self._records.names
                else _padded(piece, self._records)
                for piece in pieces
            ]
        )
        count = rows.num_rows
        sequence = pa.array(range(self._sequence, self._sequence + count), pa.int64())
        marks = [pa.repeat(pa.scalar(gone), records.num_rows) for records, gone in self._gathered]
        self._sequence += count
        self._gathered, self._waiting, self._waiting_bytes = [], 0, 0
        columns = [*rows.columns, sequence, pa.chunked_array(marks)]
        return pa.Table.from_arrays(columns, schema=self._schema)

    def _with_keys(self, records: pa.RecordBatch) -> pa.RecordBatch:
        """Refuse rows without a whole key. Invariant 5: an error, or a reject."""
        bad = [c for c in self._key if records.column(c).null_count]
        if not bad:
            return records
        missing = pc.is_null(records.column(bad[0]))
        for name in bad[1:]:
            missing = pc.or_(missing, pc.is_null(records.column(name)))
        if not self._keep_rejects:
            raise RecordRefused(
                f"{pc.sum(missing).as_py()} row(s) have no value in the key column {bad[0]!r}",
                hint="choose another 'key', leave such rows out with 'where', or set "
                "'rejects: true' to keep them aside",
            )
        for row in records.filter(missing).to_pylist():
            reason = f"no value in the key column {bad[0]!r}"
            self._refuse(Reject(record=as_json(row), reason=reason, column=bad[0]))
        return records.filter(pc.invert(missing))


def _is_compared(field: pa.Field, traits: Traits) -> bool:
    """Say whether values of a key are equal here just if they are in the database."""
    if is_json(field) or is_uncompared(field):
        return False
    if pa.types.is_string(field.type):
        return traits.exact_text
    if pa.types.is_timestamp(field.type):
        # Databases keep microseconds.
        return bool(field.type.unit != "ns")
    return bool(pa.types.is_integer(field.type) or pa.types.is_date32(field.type))


def _all_differ(keys: pa.Table) -> bool:
    if keys.num_columns == 1:
        return bool(pc.count_distinct(keys.column(0)).as_py() == keys.num_rows)
    groups = keys.combine_chunks().group_by(keys.column_names, use_threads=False)
    return bool(groups.aggregate([]).num_rows == keys.num_rows)


def _alike(gathered: tuple[pa.RecordBatch, bool]) -> Sequence[str]:
    names: Sequence[str] = gathered[0].schema.names
    return names


def _padded(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return rows with all columns of a schema; those they lack are null."""
    columns = [
        rows.column(f.name) if f.name in rows.schema.names else pa.nulls(rows.num_rows, f.type)
        for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def as_json(row: Mapping[str, object]) -> str:
    """Return a row as JSON text."""
    # Escaped, so that what the database cannot store as text can be stored here.
    return json.dumps(row, default=str)


def reject_table(rejects: Sequence[Reject], *, run: str, prefix: str, now: datetime) -> pa.Table:
    """Return rejects as rows of a reject table. ``prefix``: what ids of this commit begin with."""
    return pa.Table.from_pylist(
        [
            {
                "run": run,
                "rejected_at": now,
                "column": r.column,
                "reason": r.reason,
                "record": r.record,
                "id": f"{prefix}{number}",
            }
            for number, r in enumerate(rejects)
        ],
        schema=REJECTS,
    )
