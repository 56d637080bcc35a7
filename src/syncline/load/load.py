"""One load: everything that stays the same from the first row of a task run to its last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pyarrow as pa
from sqlglot import exp

from syncline.load import names
from syncline.load.checkpoint import Ledger
from syncline.load.disposition import (
    ACTIVE,
    DELETED_AT,
    SYNCED_AT,
    VALID_FROM,
    VALID_TO,
    Shape,
)
from syncline.model.batch import Checkpoint
from syncline.model.job import Deletes, Disposition, RowErrors, Task
from syncline.model.ports import Destination, Traits
from syncline.model.run import Clock, Observer, Stop, never
from syncline.model.table import is_uncompared


def in_utc(schema: pa.Schema) -> pa.Schema:
    """Return a schema with instants as what they are in UTC, without a zone."""
    return pa.schema(
        [
            f.with_type(pa.timestamp(f.type.unit)) if pa.types.is_timestamp(f.type) else f
            for f in schema
        ]
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A task, what its rows look like, and where they go."""

    task: Task
    disposition: Disposition
    #: Of the query's rows.
    schema: pa.Schema
    key: tuple[str, ...]
    #: The cursor column among the query's columns; with the key, one version of a row.
    version: str | None
    #: Commits reach the target one by one. False: the pass is collected aside first.
    direct: bool
    fingerprint: str
    #: The checkpoint that the run started from.
    last: Checkpoint | None
    #: The table where a sweep under way collects keys; rows that come meanwhile belong there.
    sweep_aside: str | None = None
    #: This load is a sweep: its rows are keys, and this is the task's own checkpoint.
    sweeps: Checkpoint | None = None
    #: This sweep only collects keys: what it would remove is looked for once more before.
    confirms: bool = False
    #: This load only collects a whole pass, to compare it with the target.
    compares: bool = False
    #: What the ledger said when the run began.
    ledger: Ledger
    #: Whose the target is, which the first commit is to note; None: it is noted.
    notes: str | None = None
    destination: Destination
    run: str
    clock: Clock
    observe: Observer
    stop: Stop = never

    @property
    def traits(self) -> Traits:
        """Facts about the destination."""
        return self.destination.traits

    @property
    def target(self) -> exp.Table:
        """The target table."""
        return names.table(names.target(self.task.target, self.traits), self.schema_name)

    @property
    def schema_name(self) -> str:
        """The destination's schema that has the target and the ledger."""
        return names.schema(self.task, self.traits)

    @property
    def soft(self) -> bool:
        """Deleted rows stay and get a mark."""
        return self.task.deletes is Deletes.SOFT and self.disposition is Disposition.MERGE

    @property
    def batched(self) -> bool:
        """The pass is collected whole, and then written in batches."""
        flow = self.task.flow
        if flow is None or self.direct or self.disposition is Disposition.REPLACE:
            return False
        return flow.batch_size > 0 and self.traits.transactional

    @property
    def numbered(self) -> bool:
        """Rows that are collected keep the numbers by which some can be left out again."""
        flow = self.task.flow
        if flow is None or self.direct or not self.traits.transactional:
            return False
        return self.batched or flow.on_error is not RowErrors.FAIL

    @property
    def ignoring(self) -> bool:
        """Rows that do not fit are left out without a word."""
        return self.task.flow is not None and self.task.flow.on_error is RowErrors.IGNORE

    @property
    def kept(self) -> bool:
        """The pass is collected as staged files, which stay until it has ended."""
        if self.direct or self.compares or self.sweeps:
            return False
        return keeps_files(self.traits, self.key, self.disposition)

    @property
    def copied(self) -> bool:
        """The pass is collected whole, and its files are added to the target after that.

        Adding rows is the one thing that cannot be said so that twice is as good as once; of
        files that no longer change the database knows which it has.
        """
        return self.kept and self.disposition in {Disposition.APPEND, Disposition.INSERT}

    @property
    def timeout(self) -> float | None:
        """Seconds that one commit may take."""
        return self.task.flow.timeout if self.task.flow else None

    @property
    def removing(self) -> bool:
        """Rows that are gone at the source do not stay as they are."""
        return self.task.deletes is not Deletes.IGNORE and self.disposition.keyed

    @property
    def target_schema(self) -> pa.Schema:
        """The query's columns and the ones we add."""
        instant = pa.timestamp("us", tz="UTC" if self.traits.instants else None)
        if self.task.flow is not None:
            return self.schema
        added = [(DELETED_AT, instant)] if self.soft else []
        if self.disposition is Disposition.HISTORY:
            added += [(ACTIVE, pa.bool_()), (VALID_FROM, instant), (VALID_TO, instant)]
        added += [(SYNCED_AT, instant)] if self.task.synced_at else []
        return pa.schema([*self.schema, *added])

    @property
    def _version(self) -> str | None:
        """The version column, where the disposition has a use for it."""
        match self.disposition:
            case Disposition.APPEND:
                return self.version
            case Disposition.HISTORY if self.version in self.schema.names:
                instant = pa.types.is_timestamp(self.schema.field(self.version).type)
                return self.version if instant else None
            case _:
                return None

    def in_utc(self) -> "Load":
        """Return the load with instants as what they are in UTC, without a zone."""
        return replace(self, schema=in_utc(self.schema))

    def renamed(self, new: Mapping[str, str]) -> "Load":
        """Return the load with other names for some columns."""
        columns = [new.get(name, name) for name in self.schema.names]
        return replace(
            self,
            schema=pa.schema([f.with_name(c) for f, c in zip(self.schema, columns, strict=True)]),
            key=tuple(new.get(name, name) for name in self.key),
            version=new.get(self.version, self.version) if self.version else None,
        )

    def shape(self, now: datetime) -> Shape:
        """Return what the dispositions need to know to write to the target now."""
        return Shape(
            target=self.target,
            columns=tuple(self.schema.names),
            key=self.key,
            version=self._version,
            soft=self.soft,
            history=self.disposition is Disposition.HISTORY,
            every=self.disposition is Disposition.INSERT,
            synced_at=self.task.synced_at,
            texts=tuple(f.name for f in self.schema if is_uncompared(f)),
            now=now,
        )


def keeps_files(traits: Traits, key: Sequence[str], disposition: Disposition | None) -> bool:
    """Say whether a pass that is collected whole is collected as staged files."""
    return not traits.transactional and (not key or disposition is Disposition.INSERT)
