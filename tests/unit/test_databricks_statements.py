"""Every kind of statement that Databricks gets, as text.

Each file of tests/golden/databricks is one case. After a change of the SQL,
SYNCLINE_UPDATE_GOLDEN=1 writes the files anew; read the difference before you commit it.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlglot
from sqlglot import exp

from syncline.destinations.databricks_connection import Settings, Workspace
from syncline.destinations.databricks_files import Files
from syncline.destinations.databricks_sql import declaration, rendered
from syncline.errors import DestinationRefused, PropertyError
from syncline.load import alone, ddl, fence, names
from syncline.load.checkpoint import create_ledger
from syncline.load.disposition import GONE, SEQUENCE, Shape, Step
from syncline.model.batch import Checkpoint
from syncline.model.job import Disposition, Task
from syncline.model.ports import Traits
from syncline.model.table import field_of

_GOLDEN = Path(__file__).parents[1] / "golden" / "databricks"
_NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
_SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        field_of("name", pa.string(), description="What it's called"),
        ("changed", pa.timestamp("us", tz="UTC")),
    ]
)
_STAGED_SCHEMA = pa.schema([*_SCHEMA, (SEQUENCE, pa.int64()), (GONE, pa.bool_())])
_TASK = Task(id="Matters of Clio", query="", target="Matters")
_TARGET = names.table("matters", "law")
_ASIDE = names.table("_syncline_new_1", "law")
_CHECKPOINT = Checkpoint(
    task="it's a task", generation=20, cursor={"since": "Zoë's \"\\\n"}, passes=1,
    fingerprint="0123456789abcdef", aside=None, passes_since_sweep=2, run="a run",
)  # fmt: skip
_NOTE = replace(_CHECKPOINT, task="people#table", generation=0, fingerprint="ours", run="a task")
_SHAPE = Shape(
    target=_TARGET, columns=tuple(_SCHEMA.names), key=("id",),
    guard=exp.column("guarded"), now=_NOW,
)  # fmt: skip


def _files(*parts: str) -> exp.Table:
    return exp.table_(exp.to_identifier(names.staged_parts(_TASK, parts), quoted=True))


_STAGED = _files("3-run")
_KEPT = _files("3-run", "4-run")


def _steps(*steps: Step) -> Sequence[exp.Expr]:
    found: list[exp.Expr] = []
    for step in steps:
        found += [step.statement, *([step.removals] if step.removals else [])]
    return found


def _merged(**fields: object) -> Sequence[exp.Expr]:
    shape = replace(_SHAPE, **fields)  # type: ignore[arg-type]  # fields of the case
    return _steps(*alone.merge(shape, _STAGED, removing=True))


_TRAITS = Traits(dialect="databricks", schema="law", transactional=False)
_NOTHING = fence.nothing(_CHECKPOINT, "law", _STAGED_SCHEMA, "databricks")
_CASES: Mapping[str, Callable[[], Sequence[exp.Expr]]] = {
    "create": lambda: [
        ddl.create_table(_TARGET, _SCHEMA, "databricks", key=("id",), unique=True),
        # Of history, or appended to: several rows have the same key.
        ddl.create_table(_TARGET, _SCHEMA, "databricks", key=("id",)),
        create_ledger("law", _TRAITS),
    ],
    "merge": _merged,
    "merge_into_a_new_table": lambda: _steps(
        *alone.merge(_SHAPE, _STAGED, removing=True, empty=True)
    ),
    "merge_distinct_keys": lambda: _steps(
        *alone.merge(replace(_SHAPE, distinct=True), _STAGED, removing=True, empty=True),
        *alone.merge(replace(_SHAPE, distinct=True), _STAGED, removing=True),
    ),
    "merge_soft_deletes": lambda: _merged(soft=True, synced_at=True),
    "merge_history": lambda: _merged(history=True, version="changed"),
    "merge_history_without_times": lambda: _merged(history=True),
    "difference": lambda: _steps(*alone.difference(_SHAPE, _ASIDE, removing=True)),
    "append_versions": lambda: _steps(*alone.append(replace(_SHAPE, version="changed"), _STAGED)),
    "copy_into": lambda: _steps(
        alone.copied(_SHAPE, _STAGED), alone.copied(replace(_SHAPE, synced_at=True), _KEPT)
    ),
    "collect": lambda: _steps(*alone.collect(replace(_SHAPE, target=_ASIDE), _STAGED)),
    "replace": lambda: _steps(
        alone.overwrite(_SHAPE, alone.alive(_SHAPE, _STAGED)),
        alone.overwrite(_SHAPE, alone.every(_SHAPE, _KEPT)),
        alone.recreate(
            _SHAPE, alone.plain(_SHAPE, _ASIDE), ddl.remade_by(_SCHEMA, ("id",), "databricks")
        ),
    ),
    "sweep": lambda: _steps(
        alone.insert_keys(_SHAPE, _STAGED, _ASIDE), alone.remove_missing(_SHAPE, _ASIDE)
    ),
    "existing": lambda: _steps(
        *alone.changed(_SHAPE, _STAGED, Disposition.UPDATE, staged=True),
        *alone.changed(_SHAPE, _STAGED, Disposition.DELETE, staged=True),
    ),
    "nothing": lambda: [
        alone.overwrite(
            _SHAPE,
            alone.alive(
                _SHAPE,
                fence.nothing(_CHECKPOINT, "law", _STAGED_SCHEMA, "databricks").subquery("n"),
            ),
        ).statement
    ],
    "fence": lambda: [
        fence.claim(_CHECKPOINT, "law", _NOW),
        fence.claim(_CHECKPOINT, "law", _NOW, note=_NOTE),
        fence.claim(_CHECKPOINT, "law", _NOW, note=_NOTE, instead=False),
        fence.mark(_TARGET, "a run"),
        *fence.write_checkpoint(_CHECKPOINT, "law", _NOW),
    ],
}


@pytest.fixture
def files() -> Iterator[Files]:
    workspace = Workspace(
        Settings(server="example.com", http_path="/sql/1.0/warehouses/1", token="t", schema="Law")
    )
    known = Files(workspace, lambda *_: None, lambda _: None)
    for table in (_STAGED, _KEPT):
        made = ddl.create_table(table, _STAGED_SCHEMA, "databricks", key=("id",), temporary=True)
        known.declare(*declaration(made))
    yield known
    known.close()


@pytest.mark.parametrize("name", _CASES)
def test_statements(name: str, files: Files) -> None:
    found = "".join(f"{rendered(s, files)};\n" for s in _CASES[name]())
    path = _GOLDEN / f"{name}.sql"
    if os.environ.get("SYNCLINE_UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(found, "utf-8")
    assert found == path.read_text("utf-8")


def test_every_file_has_a_case() -> None:
    assert {path.stem for path in _GOLDEN.glob("*.sql")} == set(_CASES)


def test_a_merge_says_which_keys_it_brings(files: Files) -> None:
    ids = [1, 2, 3, 1000, 1001, 5_000_000]
    rows = pa.table({"id": ids, "name": ["x"] * 6, "changed": pa.nulls(6, _SCHEMA[2].type)})
    files.append(_STAGED.name, rows)
    files._staged[_STAGED.name].parts = 1
    text = rendered(alone.merge(_SHAPE, _STAGED, removing=False)[0].statement, files)
    # No row has another one's key, so none has to be looked for.
    assert "ROW_NUMBER" not in text
    held = "`_syncline_held`.`id`"
    assert f"{held} BETWEEN 1 AND 3 OR {held} BETWEEN 1000 AND 1001 OR {held} = 5000000" in text


def test_a_merge_of_history_says_so_wherever_it_reads_its_target(files: Files) -> None:
    rows = pa.table({"id": [3, 4], "name": ["x"] * 2, "changed": pa.nulls(2, _SCHEMA[2].type)})
    files.append(_STAGED.name, rows)
    files._staged[_STAGED.name].parts = 1
    shape = replace(_SHAPE, history=True, version="changed")
    text = rendered(alone.merge(shape, _STAGED, removing=True)[0].statement, files)
    reads = text.count("FROM `law`.`matters`") + text.count("JOIN `law`.`matters`") + 1
    assert text.count("`_syncline_held`.`id` BETWEEN 3 AND 4") == reads == 3


def test_rows_are_numbered_unless_every_key_is_another_one(files: Files) -> None:
    statement = alone.merge(_SHAPE, _STAGED, removing=False)[0].statement
    rows = pa.table({"id": [1, 2], "name": ["x"] * 2, "changed": pa.nulls(2, _SCHEMA[2].type)})
    files.append(_STAGED.name, rows)
    files._staged[_STAGED.name].parts = 1
    assert "ROW_NUMBER" not in rendered(statement, files)
    files.append(_STAGED.name, rows.slice(1))
    assert "ROW_NUMBER() OVER (PARTITION BY `id`" in rendered(statement, files)


@pytest.mark.parametrize(
    "text",
    ["${x}", "a${spark.app.name}b", "\\${env:HOME}", "it's ${", "${${x}}", "`${x}`", "\n$$\t{x}"],
)
def test_no_literal_is_a_variable(files: Files, text: str) -> None:
    query = exp.select(exp.alias_(exp.Literal.string(text), "v")).where(
        exp.column("a b", quoted=True).eq(exp.Literal.string(text))
    )
    found = rendered(query, files)
    assert "${" not in found
    read = sqlglot.parse_one(found, dialect="databricks")
    assert [e.name for e in read.find_all(exp.Literal)] == [text, text]


def test_a_description_is_no_variable(files: Files) -> None:
    schema = pa.schema([field_of("id", pa.int64(), description="costs ${x}")])
    found = rendered(ddl.create_table(_TARGET, schema, "databricks", key=("id",)), files)
    assert "COMMENT 'costs $\\u007bx}'" in found


def test_a_name_that_is_a_variable_is_refused(files: Files) -> None:
    """Nothing in a name can be written in another way, and Spark would make it another name."""
    schema = pa.schema([("id", pa.int64()), ("a${x}b", pa.string())])
    statement = ddl.create_table(_TARGET, schema, "databricks", key=("id",))
    with pytest.raises(DestinationRefused, match=r"takes \$\{x\} in a name for a variable"):
        rendered(statement, files)
    # That is no variable.
    schema = pa.schema([("id", pa.int64()), ("a${x y}b", pa.string())])
    rendered(ddl.create_table(_TARGET, schema, "databricks", key=("id",)), files)


@pytest.mark.parametrize("name", ["catalog", "schema", "volume"])
def test_a_setting_that_is_a_variable_is_refused(name: str) -> None:
    given = Settings(server="example.com", http_path="/sql/1.0/warehouses/1", token="t")
    with pytest.raises(PropertyError, match="for a variable"):
        Workspace(replace(given, **{name: "a${x}"}))  # type: ignore[arg-type]  # a text each


def test_a_file_says_which_calendar_it_has(files: Files) -> None:
    """Spark knows it by who wrote the file."""
    rows = pa.table({"id": [1], "name": ["x"], "changed": pa.nulls(1, _SCHEMA[2].type)})
    files.append(_STAGED.name, rows)
    staged = files._staged[_STAGED.name]
    files._write(_STAGED.name, staged)
    staged.writer.close()
    found = pq.read_metadata(staged.sink).metadata
    assert found == {b"org.apache.spark.version": b"3.5.0"}
