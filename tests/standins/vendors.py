"""Bundled profiles beside Clio and ClickTime: replicated from their stand-ins, held against them.

Of the profile only this is used for what is expected: where a column's value is found in a record,
and of which type it is.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

from sqlglot import exp

from standins.clocks import SkippingClock
from syncline.control.connections import opened_api
from syncline.control.project import JobSpec, TaskSpec
from syncline.control.properties import ApiProperties, parse_pairs, properties_of
from syncline.control.tasks import tasks_of
from syncline.destinations.duckdb import open_duckdb
from syncline.extract.source import RestSource, Watch
from syncline.model.job import Task
from syncline.model.ports import Destination
from syncline.model.run import Result
from syncline.profile.columns import FlatColumn, child_columns, table_columns
from syncline.profile.loader import load_profile
from syncline.profile.schema import ApiTable, Child, ParentFanOut, Profile, ValueFanOut
from syncline.profile.settings import resolved
from syncline.profile.template import fill
from syncline.query.plan import Plan
from syncline.sandbox.server import Sandbox
from syncline.sandbox.vendor_description import vendors
from syncline.sandbox.vendor_rows import VendorList
from syncline.sync import plan_of, sync

Row: TypeAlias = dict[str, Any]

#: What a record was asked for by, where it does not say so itself.
WALKED: Mapping[str, Callable[[Row], str]] = {
    "toggl": lambda row: row["time_entries"][0]["start"][:4],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One profile, connected to its stand-in and to a database."""

    sandbox: Sandbox
    name: str
    profile: Profile
    settings: Mapping[str, str]
    source: RestSource
    lake: Destination
    #: By task.
    plans: dict[str, Plan] = field(default_factory=dict)

    def listed(self, table: ApiTable) -> VendorList:
        """Return the stand-in's list that a table's path and method stand for."""
        path = re.sub(r"\{(?:parent\.\w+|value)\}", "{}", table.path)
        path = fill(re.sub(r"\{\}", "\0", path), self.settings).replace("\0", "{}")
        base = fill(table.base_url or self.profile.base_url, self.settings)
        whole = base.removeprefix(f"{self.sandbox.url}/{self.name}") + path
        method = "GET" if table.posting is None else "POST"
        found = [
            each
            for each in self.sandbox.vendor(self.name).lists.values()
            if each.described.path.replace("{parent}", "{}") == whole
            and each.described.method == method
            and each.described.entity == table.parameters.get("entity", "")
        ]
        assert len(found) == 1, (whole, method, [each.name for each in found])
        return found[0]

    def change(self, table: ApiTable) -> tuple[int, int]:
        """Change a row, add one, and delete one where the API tells of it.

        Return how many rows are new or changed, and how many gone.
        """
        listed = self.listed(table)
        columns = table_columns(self.profile, table)
        alive = (row for row in listed.listed() if not _deleted(table, columns, listed.record(row)))
        listed.insert()
        if not listed.tells_changes:
            return 1, 0
        listed.touch(next(alive))
        if table.deleted is None:
            return 2, 0
        listed.delete(next(alive))
        return 2, 1

    async def run(self, names: Sequence[str], *, run: str) -> Mapping[str, Result]:
        """Bring the tables of these names up to date."""
        clock, known = SkippingClock(), await self.source.tables()
        for task in self.tasks(names):
            self.plans.setdefault(task.id, plan_of(task, known, clock))
        plans = [self.plans[task.id] for task in self.tasks(names)]
        self.source.expect([scan for planned in plans for scan in planned.scans])
        return {
            task.target: await sync(
                task, self.source, self.lake,
                run=f"{run}/{task.id}", clock=clock, observe=lambda _: None, planned=planned,
            )
            for task, planned in zip(self.tasks(names), plans, strict=True)
        }  # fmt: skip

    def tasks(self, names: Sequence[str]) -> tuple[Task, ...]:
        specs = tuple(TaskSpec(table=name, parallel=1, allow_empty=True) for name in names)
        return tasks_of("job", JobSpec(source="api", destination="lake", tasks=specs))

    async def differences(self, names: Collection[str]) -> list[Any]:
        """Return what the database and the stand-in do not agree on, over tables of these names."""
        return [
            each
            for name, columns, key, rows in expected(self)
            if name in names
            for each in await self._differences(name, columns, key, rows)
        ]

    async def _differences(
        self, name: str, columns: Sequence[FlatColumn], key: Sequence[str], rows: Sequence[Row]
    ) -> list[Any]:
        found = await self.lake.fetch(exp.select("*").from_(exp.to_table(f'"{name}"')))
        if found.schema.names != [c.name for c in columns]:
            return [(name, found.schema.names)]
        own = [{c.name: _seen(c.type, row[c.name]) for c in columns} for row in found.to_pylist()]
        order = key or found.schema.names
        ours, theirs = sorted(own, key=_by(order)), sorted(rows, key=_by(order))
        if len(ours) != len(theirs):
            return [(name, len(ours), len(theirs))]
        return [
            (name, {n: (a[n], b[n]) for n in a if a[n] != b[n]})
            for a, b in zip(ours, theirs, strict=True)
            if a != b
        ]


@asynccontextmanager
async def standing(
    sandbox: Sandbox, name: str, watch: Watch | None = None
) -> AsyncIterator[Standing]:
    """Connect to a stand-in as its own description says."""
    text = vendors()[name].connection.replace("{url}", f"{sandbox.url}/{name}")
    given = properties_of(ApiProperties, parse_pairs(text))
    profile = load_profile(given.profile)
    lake = open_duckdb(":memory:")
    async with opened_api(
        "api", given, profile, SkippingClock(),
        observe=lambda _: None, say=lambda _: None, watch=watch,
    ) as source:  # fmt: skip
        try:
            yield Standing(
                sandbox=sandbox,
                name=name,
                profile=profile,
                settings=resolved(profile, given.settings),
                source=source,
                lake=lake,
            )
        finally:
            await lake.aclose()


def expected(
    standing: Standing,
) -> Iterator[tuple[str, tuple[FlatColumn, ...], tuple[str, ...], list[Row]]]:
    """Yield name, columns, key and rows of every table, children included."""
    for name, table in standing.profile.tables.items():
        records = [
            (record, walked)
            for record, parent in standing.listed(table).truth()
            for walked in _walked(standing, table, record, parent)
        ]
        columns = tuple(c for c in table_columns(standing.profile, table) if c.origin != "filter")
        alive = [(r, w) for r, w in records if not _deleted(table, columns, r)]
        rows = [_row(standing, columns, r, r, w) for r, w in alive]
        yield name, columns, table.primary_key, rows
        for child_name, child in table.children.items():
            inner = child_columns(standing.profile, table, child)
            elements = [
                _row(standing, inner, element, record, walked)
                for record, walked in records
                for element in _elements(child, record)
            ]
            yield child_name, inner, child.primary_key, elements


def _walked(standing: Standing, table: ApiTable, record: Row, parent: Row | None) -> Iterator[Any]:
    match table.fan_out:
        case ParentFanOut(parent=above, column=column):
            assert parent is not None
            columns = table_columns(standing.profile, standing.profile.tables[above])
            yield _at(parent, next(c.path for c in columns if c.name == column))
        case ValueFanOut(column=column) if column is not None:
            yield None
        case ValueFanOut():
            yield WALKED[standing.name](record)
        case _:
            yield None


def _deleted(table: ApiTable, columns: Sequence[FlatColumn], record: Row) -> bool:
    if table.deleted is None:
        return False
    path = next(c.path for c in columns if c.name == table.deleted.column)
    found = _at(record, path)
    return found in table.deleted.values if table.deleted.values else bool(found)


def _elements(child: Child, record: Row) -> list[Row]:
    found = _at(record, child.list.split("."))
    return list(found or ())


def _row(
    standing: Standing, columns: Sequence[FlatColumn], own: Row, record: Row, walked: Any
) -> Row:
    def value(column: FlatColumn) -> Any:
        match column.origin:
            case "fan_out":
                return _typed(column.type, walked)
            case "constant":
                return _typed(column.type, fill(column.source, standing.settings))
            case "parent":
                return _typed(column.type, _at(record, column.path))
            case _:
                return _typed(column.type, _at(own, column.path))

    return {column.name: value(column) for column in columns}


def _at(record: Any, path: Sequence[str]) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, Mapping) else None
    return record


def _instant(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _typed(type_: str, value: Any) -> Any:
    """Return a value of a record as Python has it after the type's reading."""
    read = _READ.get(type_.partition("(")[0])
    return value if value is None or read is None else read(value)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "datetime": _instant,
    "date": lambda text: date.fromisoformat(text[:10]),
    "number": float,
    "integer": int,
    "boolean": lambda value: str(value).lower() == "true",
    "decimal": lambda value: Decimal(str(value)),
    "string": str,
    "scalar": lambda value: value if isinstance(value, str) else json.dumps(value),
}


def _seen(type_: str, value: Any) -> Any:
    if value is None:
        return None
    if type_ == "json":
        return json.loads(value)
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _by(names: Sequence[str]) -> Any:
    return lambda row: json.dumps([row[n] for n in names], default=str, sort_keys=True)
