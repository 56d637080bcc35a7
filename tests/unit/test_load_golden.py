"""Every kind of statement of a load, in every dialect.

Each file of tests/golden/load is one case with a section for each dialect. After a change of the
SQL, SYNCLINE_UPDATE_GOLDEN=1 writes the files anew; read the difference before you commit it.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from sqlglot import exp

from syncline.destinations.sqlserver_ddl import render_ddl
from syncline.destinations.sqlserver_sql import render_rows
from syncline.load import checkpoint, ddl, disposition, indexes, names, ranges
from syncline.load.evolve import evolve
from syncline.load.target import begin_history
from syncline.model.batch import Checkpoint
from syncline.model.job import Disposition, SchemaPolicy
from syncline.model.ports import Traits
from syncline.model.table import field_of

_GOLDEN = Path(__file__).parents[1] / "golden" / "load"
_DIALECTS = ("duckdb", "postgres", "tsql", "databricks")
_NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
_INSTANT = pa.timestamp("us", tz="UTC")
_SCHEMA = pa.schema([("id", pa.int64()), ("name", pa.string()), ("changed", _INSTANT)])
_EVERY_TYPE = pa.schema(
    [
        ("id", pa.int64()),
        field_of("code", pa.string(), size=18),
        ("boolean", pa.bool_()),
        ("int8", pa.int8()),
        ("uint16", pa.uint16()),
        ("int32", pa.int32()),
        ("uint64", pa.uint64()),
        ("float", pa.float32()),
        ("double", pa.float64()),
        ("decimal", pa.decimal128(38, 9)),
        field_of("sized", pa.string(), size=40),
        field_of("long", pa.string(), size=5000),
        ("text", pa.string()),
        field_of("json", pa.string(), json=True),
        ("binary", pa.binary()),
        ("date", pa.date32()),
        ("time", pa.time64("us")),
        ("instant", _INSTANT),
        ("moment", pa.timestamp("us")),
    ]
)
_TARGET = names.table("Matters", "law")
_ODD = names.table('it\'s [a] "b".c `d`', 'a "b" ]c')
_STAGED = names.table("_syncline_stage_1", "law")
_SHAPE = disposition.Shape(
    target=_TARGET, columns=tuple(_SCHEMA.names), key=("id",), version=None, now=_NOW
)
_CHECKPOINT = Checkpoint(
    task="it's \\ a task",
    generation=3,
    cursor={"since": "2026-01-01T00:00:00Z", "text": "Zoë's \"\\\n"},
    passes=1,
    fingerprint="0123456789abcdef",
    aside="_syncline_new_1",
    passes_since_sweep=2,
    run="a run",
)
Statements = Sequence[exp.Expression]


def _steps(steps: Sequence[disposition.Step]) -> Statements:
    return [step.statement for step in steps]


def _traits(dialect: str) -> Traits:
    tsql = dialect == "tsql"
    return Traits(
        dialect=dialect,
        schema="law",
        case_sensitive=dialect == "postgres",
        index_bytes={"tsql": 1700, "postgres": 2704}.get(dialect, 0),
        columnstore=tsql,
    )


def _create(dialect: str) -> Statements:
    return [
        ddl.create_schema('a "b" ]c'),
        ddl.create_table(_ODD, _EVERY_TYPE, dialect, key=("id", "code")),
        *indexes.indexes(_ODD, _EVERY_TYPE, ("id", "code"), _traits(dialect)),
        ddl.create_table(_STAGED, _SCHEMA, dialect, temporary=dialect in {"duckdb", "postgres"}),
        ddl.drop_table(_STAGED),
    ]


def _evolve(dialect: str) -> Statements:
    held = pa.schema(
        [
            field_of("id", pa.int32(), indexed=True),
            ("n", pa.decimal128(9, 2)),
            ("gone", pa.string()),
            field_of("declared", pa.string(), size=20, utf16=dialect == "tsql"),
            field_of("measured", pa.string(), size=20, utf16=dialect == "tsql"),
            field_of("enough", pa.string(), size=40, utf16=dialect == "tsql"),
        ]
    )
    wanted = pa.schema(
        [
            ("id", pa.int64()),
            ("n", pa.decimal128(18, 4)),
            field_of('it\'s "new" ]', pa.string(), size=40),
            field_of("json", pa.string(), json=True),
            field_of("declared", pa.string(), size=30),
            ("measured", pa.string()),
            field_of("enough", pa.string(), size=20),
        ]
    )
    changes = evolve(
        _ODD,
        held,
        wanted,
        SchemaPolicy.EVOLVE,
        _traits(dialect),
        key=("id",),
        columnstore=True,
        longest={"measured": 21},
    )
    return [change.statement(dialect) for change in changes]


def _merge(**fields: object) -> Callable[[str], Statements]:
    removing = bool(fields.pop("removing", False))
    shape = replace(_SHAPE, **fields)  # type: ignore[arg-type]  # fields of the case
    return lambda _: _steps(disposition.merge(shape, _STAGED, removing=removing))


_RANGE = disposition.Range(column="id", least=exp.Literal.number(100), most=exp.Literal.number(200))
_DAYS = ranges.range_of(pa.table({"id": pa.array([date(2026, 1, 2), date(2025, 12, 31)])}))

_CASES: Mapping[str, Callable[[str], Statements]] = {
    "create": _create,
    "evolve": _evolve,
    "ledger": lambda dialect: [checkpoint.create_ledger("law", _traits(dialect))],
    "newest_checkpoints": lambda _: [checkpoint.newest_of("law", ["a", "a#sweep"])],
    "checkpoint": lambda _: checkpoint.write_checkpoint(_CHECKPOINT, "law", _NOW),
    "merge": _merge(),
    "merge_distinct_keys": _merge(distinct=True),
    "merge_range_of_dates": _merge(range=_DAYS),
    "merge_on_two_columns": _merge(key=("id", "name")),
    "merge_keys_only": _merge(columns=("id",)),
    "merge_removing": _merge(removing=True),
    "merge_soft_deletes": _merge(soft=True, synced_at=True, removing=True),
    "merge_rewritten": _merge(rewritten=True, soft=True, synced_at=True, removing=True),
    "merge_range": _merge(range=_RANGE),
    "merge_history": _merge(history=True, version="changed", removing=True),
    "begin_history": lambda _: _steps(
        begin_history(replace(_SHAPE, history=True, version="changed"), marked=True)
    ),
    "append_every_row": lambda _: _steps(disposition.append(replace(_SHAPE, key=()), _STAGED)),
    "append_versions": lambda _: _steps(
        disposition.append(replace(_SHAPE, version="changed"), _STAGED)
    ),
    "collect": lambda _: _steps(disposition.collect(_SHAPE, _STAGED)),
    "collect_range": lambda _: _steps(disposition.collect(replace(_SHAPE, range=_RANGE), _STAGED)),
    "first_between": lambda _: [ranges.first_between(_TARGET, _RANGE)],
    "collect_without_a_key": lambda _: _steps(
        disposition.collect(replace(_SHAPE, key=()), _STAGED)
    ),
    "difference": lambda _: _steps(disposition.difference(_SHAPE, _STAGED, removing=True)),
    "swap": lambda _: _steps(disposition.swap(_SHAPE, _STAGED, exists=True)),
    "swap_first": lambda _: _steps(disposition.swap(_SHAPE, _STAGED, exists=False)),
    "insert_all": lambda _: _steps([disposition.insert_all(_SHAPE, _STAGED)]),
    "insert_new_versions": lambda _: _steps(
        [disposition.insert_new_versions(replace(_SHAPE, version="changed"), _STAGED)]
    ),
    "sweep": lambda _: _steps(
        [
            disposition.insert_keys(_SHAPE, _STAGED, names.table("_syncline_new_1", "law")),
            disposition.remove(_SHAPE, disposition.same_key(_SHAPE, _STAGED), gone=False),
        ]
    ),
    "flow": lambda _: _steps(
        [
            disposition.changed(_SHAPE, _STAGED, Disposition.UPDATE, marked=True),
            disposition.changed(_SHAPE, _STAGED, Disposition.DELETE, marked=True),
            disposition.emptied(_SHAPE),
            disposition.Step(statement=ddl.truncate_table(_TARGET)),
            *disposition.take(_STAGED, _SHAPE.columns, _TARGET, 500),
        ]
    ),
}


def _rendered(statement: exp.Expression, dialect: str) -> str:
    if dialect != "tsql":
        return statement.sql(dialect=dialect, pretty=True)
    # What SQL Server gets is mended by its destination; types of columns are not known here.
    if isinstance(statement, exp.Create | exp.Drop | exp.Alter):
        return render_ddl(statement, lambda _: {})
    return render_rows(statement, lambda _: {})


@pytest.mark.parametrize("name", _CASES)
def test_statements_in_every_dialect(name: str) -> None:
    sections = [
        f"-- {dialect}\n" + "".join(f"{_rendered(s, dialect)};\n" for s in _CASES[name](dialect))
        for dialect in _DIALECTS
    ]
    found = "\n".join(sections)
    path = _GOLDEN / f"{name}.sql"
    if os.environ.get("SYNCLINE_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, "utf-8")
    assert found == path.read_text("utf-8")


def test_every_file_has_a_case() -> None:
    assert {path.stem for path in _GOLDEN.glob("*.sql")} == set(_CASES)
