"""Every kind of statement that the load algorithm sends, as SQL Server gets it.

Files in tests/golden/sqlserver are the expected T-SQL; SYNCLINE_UPDATE_GOLDEN=1 writes them anew.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from sqlglot import exp

from syncline.destinations.sqlserver_catalog import attached, attached_query
from syncline.destinations.sqlserver_ddl import check_names, render_ddl
from syncline.destinations.sqlserver_narrow import narrowings
from syncline.destinations.sqlserver_sql import render_rows, table_name, text_literal
from syncline.destinations.sqlserver_types import BINARY_COLLATION, Column
from syncline.errors import SchemaRefused
from syncline.load import checkpoint, ddl, disposition, indexes, names
from syncline.model.attached import Attached
from syncline.model.batch import Checkpoint
from syncline.model.ports import Traits
from syncline.model.table import field_of

_GOLDEN = Path(__file__).parents[1] / "golden" / "sqlserver"
_TRAITS = Traits(
    dialect="tsql", schema="dbo", case_sensitive=False, index_bytes=1700, columnstore=True
)
_NOW = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
_DEFAULT = "SQL_Latin1_General_CP1_CI_AS"
_SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        field_of("code", pa.string(), size=18),
        ("name", pa.string()),
        ("ready", pa.bool_()),
        ("changed", pa.timestamp("us", tz="UTC")),
    ]
)
_TARGET = names.table("Matters", "law")
_ODD = names.table('it\'s [a] "b".c', "my sch]ema")
_STAGE = names.table("_syncline_stage_1", "law")
_SHAPE = disposition.Shape(
    target=_TARGET, columns=tuple(_SCHEMA.names), key=("id", "code"), now=_NOW
)
_CHECKPOINT = Checkpoint(
    task="it's", generation=3, cursor={"since": "Zoë's"}, passes=1, fingerprint="f", aside=None,
    passes_since_sweep=0, run="r",
)  # fmt: skip


def _text(name: str, *, length: int = -1, collation: str = _DEFAULT, type_: str = "") -> Column:
    return Column(name=name, type=type_ or "nvarchar", length=length, collation=collation)


#: The target as `create_table` makes it, and the staging table.
_OURS: Mapping[str, Sequence[Column]] = {
    "Matters": (
        Column(name="id", type="bigint", nullable=False),
        _text("code", length=72, collation=BINARY_COLLATION),
        _text("name"),
        Column(name="ready", type="bit"),
        Column(name="changed", type="datetimeoffset", scale=6),
    ),
    "_syncline_stage_1": (
        Column(name="id", type="bigint"),
        _text("code", length=72, collation=BINARY_COLLATION),
        _text("name"),
        Column(name="ready", type="bit"),
        Column(name="changed", type="datetimeoffset", scale=6),
        Column(name="_syncline_seq", type="bigint"),
        Column(name="_syncline_gone", type="bit"),
    ),
}
#: A target that somebody else made.
_THEIRS = dict(_OURS) | {
    "Matters": (
        Column(name="id", type="int", nullable=False),
        _text("code", type_="char", length=18, collation="Latin1_General_CI_AS"),
        _text("name", type_="xml"),
        Column(name="ready", type="bit"),
        Column(name="changed", type="datetime2", scale=7),
    )
}


def _statements() -> Mapping[str, Sequence[exp.Expression]]:
    soft = replace(_SHAPE, soft=True, synced_at=True)
    versions = replace(_SHAPE, version="changed")
    keyless = replace(_SHAPE, key=())
    merge = disposition.merge(soft, _STAGE, removing=True)
    steps = {
        "merge": disposition.merge(_SHAPE, _STAGE, removing=False),
        "merge_soft_deletes": merge,
        "merge_hard_deletes": disposition.merge(_SHAPE, _STAGE, removing=True),
        "append_versions": disposition.append(versions, _STAGE),
        "append_keyless": disposition.append(keyless, _STAGE),
        "collect": disposition.collect(_SHAPE, _STAGE),
        "difference": disposition.difference(_SHAPE, _STAGE, removing=True),
        "swap": disposition.swap(_SHAPE, _STAGE, exists=True),
        "swap_odd_names": disposition.swap(replace(_SHAPE, target=_ODD), _ODD, exists=True),
        "sweep_keys": [disposition.insert_keys(_SHAPE, _STAGE, names.table("keys", "law"))],
        "keys_only": disposition.merge(replace(_SHAPE, columns=_SHAPE.key), _STAGE, removing=False),
    }
    return {name: [s.statement for s in found] for name, found in steps.items()} | {
        "ledger": [checkpoint.create_ledger("law", _TRAITS)],
        "checkpoint": checkpoint.write_checkpoint(_CHECKPOINT, "law", _NOW),
        "create": [
            ddl.create_schema("my sch]ema's"),
            ddl.create_table(_ODD, _SCHEMA, "tsql", key=("id", "code")),
            ddl.create_table(_STAGE, _SCHEMA, "tsql", key=("id", "code")),
        ],
        "indexes": [
            *indexes.indexes(_ODD, _SCHEMA, ("id", "code"), _TRAITS),
            *indexes.indexes(_TARGET, _SCHEMA, ("id", "code"), _TRAITS, columnstore=True),
            ddl.drop_index(_ODD, "_syncline_key"),
        ],
        "longest": [exp.select(exp.Max(this=exp.Length(this=ddl.column("name")))).from_(_STAGE)],
        "alter": [
            ddl.add_column(_ODD, pa.field("new]", pa.float32()), "tsql"),
            ddl.alter_type(_TARGET, pa.field("id", pa.decimal128(20)), "tsql"),
            ddl.alter_type(_TARGET, pa.field("name", pa.string()), "tsql"),
            ddl.alter_type(_TARGET, pa.field("unknown", pa.int64()), "tsql"),
        ],
        "catalog": [
            exp.select(exp.column("table_name"))
            .from_(exp.table_("tables", db="information_schema"))
            .where(exp.column("table_schema").eq(exp.Literal.string("law")))
        ],
        "newest": [
            exp.select(ddl.column("cursor"))
            .from_(names.table(names.LEDGER, "law"))
            .where(ddl.column("task").eq(exp.Literal.string("Zoë's")))
            .order_by(exp.Ordered(this=ddl.column("generation"), desc=True))
            .limit(1)
        ],
        "count": [
            exp.select(exp.alias_(exp.Count(this=exp.Star()), "n"))
            .from_(_TARGET)
            .where(exp.Is(this=ddl.column("_deleted_at"), expression=exp.null()))
        ],
        "where_true": [exp.select("*").from_(_TARGET).where(ddl.column("ready"))],
    }


def _render(statement: exp.Expression, tables: Mapping[str, Sequence[Column]]) -> str:
    def columns(table: exp.Table) -> Mapping[str, Column]:
        return {c.name.lower(): c for c in tables.get(table.name, ())}

    check_names(statement)
    if isinstance(statement, exp.Create | exp.Drop | exp.Alter):
        return render_ddl(statement, columns)
    return render_rows(statement, columns)


def _check(
    name: str, statements: Sequence[exp.Expression], tables: Mapping[str, Sequence[Column]]
) -> None:
    text = ";\n\n".join(_render(s, tables) for s in statements) + ";\n"
    _compare(name, text)


def _compare(name: str, text: str) -> None:
    path = _GOLDEN / f"{name}.sql"
    if os.environ.get("SYNCLINE_UPDATE_GOLDEN"):
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


@pytest.mark.parametrize("name", _statements())
def test_a_statement_as_it_is_sent(name: str) -> None:
    _check(name, _statements()[name], _OURS)


def test_a_target_with_types_and_a_collation_of_its_own() -> None:
    _check("merge_into_theirs", _statements()["merge"], _THEIRS)


def test_what_hangs_on_a_table_is_asked_for() -> None:
    query = attached_query(text_literal(table_name(_ODD)))
    _compare("attached", query.replace(" UNION ALL ", "\nUNION ALL\n") + ";\n")


def test_what_hangs_on_a_table_is_understood() -> None:
    nothing = dict.fromkeys(("column", "schema", "table", "referenced")) | {"is_unique": 0}
    rows = [
        {**nothing, "kind": "grants", "name": None},
        {**nothing, "kind": "grants", "name": None},
        {**nothing, "kind": "unique index", "name": "u", "column": "a", "is_unique": 1},
        {**nothing, "kind": "unique index", "name": "u", "column": "b", "is_unique": 1},
        {**nothing, "kind": "foreign key", "name": "f", "column": "a", "schema": "law",
         "table": "T", "referenced": "id"},
    ]  # fmt: skip
    assert attached(rows) == [
        Attached(kind="grants"),
        Attached(kind="unique index", name="u", columns=("a", "b"), unique=True),
        Attached(kind="foreign key", name="f", columns=("a",), schema="law", table="T",
                 referenced=("id",)),
    ]  # fmt: skip


def test_rendering_leaves_the_statement_alone() -> None:
    (statement, *_) = _statements()["merge_soft_deletes"]
    before = statement.copy()
    _render(statement, _OURS)
    assert statement == before


def test_no_table_has_more_than_1024_columns() -> None:
    fits = pa.schema([(f"c{n}", pa.int64()) for n in range(1024)])
    assert _render(ddl.create_table(_TARGET, fits, "tsql"), {}).count("BIGINT") == 1024
    over = fits.append(pa.field("one_more", pa.int64()))
    with pytest.raises(SchemaRefused, match="1025 columns") as refused:
        _render(ddl.create_table(_TARGET, over, "tsql"), {})
    assert refused.value.hint


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ((225,), "PRIMARY KEY ([k0])"),
        ((223, None), "PRIMARY KEY ([k0], [k1])"),
        ((224, None), "PRIMARY KEY NONCLUSTERED ([k0], [k1])"),
        ((225, 200), "PRIMARY KEY NONCLUSTERED ([k0], [k1])"),
    ],
)
def test_a_key_of_more_than_900_bytes_is_not_clustered(
    sizes: Sequence[int | None], expected: str
) -> None:
    fields = [
        field_of(f"k{n}", pa.string(), size=size) if size else pa.field(f"k{n}", pa.int64())
        for n, size in enumerate(sizes)
    ]
    key = [f.name for f in fields]
    made = ddl.create_table(_TARGET, pa.schema(fields), "tsql", key=key, enforced=True)
    assert expected in _render(made, {})


@pytest.mark.parametrize(
    "fields",
    [
        [field_of("a", pa.string(), size=213), field_of("b", pa.string(), size=213)],
        [pa.field(f"k{n}", pa.int8()) for n in range(33)],
        [pa.field("b", pa.binary())],
    ],
    ids=["1704 bytes", "33 columns", "no bound"],
)
def test_an_enforced_key_that_no_index_holds_is_refused(fields: Sequence[pa.Field]) -> None:
    key = [f.name for f in fields]
    made = ddl.create_table(_TARGET, pa.schema(fields), "tsql", key=key, enforced=True)
    with pytest.raises(SchemaRefused, match="1700 bytes in 32") as refused:
        _render(made, {})
    assert refused.value.hint


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([pa.field("a", pa.int64())], "INDEX [_syncline_key] ON [law].[Matters] ([a])"),
        # 450 characters, which fill the 900 bytes.
        ([pa.field("a", pa.string())], "CREATE CLUSTERED INDEX"),
        ([pa.field("a", pa.string()), pa.field("b", pa.bool_())], "CREATE NONCLUSTERED INDEX"),
        ([field_of("a", pa.string(), size=225)], "CREATE CLUSTERED INDEX"),
        ([field_of("a", pa.string(), size=226)], "CREATE NONCLUSTERED INDEX"),
        ([field_of("a", pa.string(), size=425)], "CREATE NONCLUSTERED INDEX"),
        ([field_of("a", pa.string(), size=426)], ""),
        ([pa.field(f"k{n}", pa.int8()) for n in range(32)], "CREATE CLUSTERED INDEX"),
        ([pa.field(f"k{n}", pa.int8()) for n in range(33)], ""),
        ([pa.field("a", pa.binary())], ""),
    ],
    ids=str,
)  # fmt: skip
def test_the_index_on_a_key_keeps_to_the_limits(fields: Sequence[pa.Field], expected: str) -> None:
    key = [f.name for f in fields]
    made = indexes.indexes(_TARGET, pa.schema(fields), key, _TRAITS)
    assert (expected in _render(made[0], {})) if expected else made == []


def test_a_name_has_at_most_128_utf16_units() -> None:
    for fits in ("x" * 128, "😀" * 64):
        assert fits in _render(ddl.drop_table(names.table(fits, "law")), {})
    for over in ("x" * 129, "😀" * 65):
        with pytest.raises(SchemaRefused, match="SQL Server allows 128"):
            _render(ddl.drop_table(names.table(over, "law")), {})


def test_text_into_a_code_page_is_looked_at_first() -> None:
    def columns(table: exp.Table) -> Mapping[str, Column]:
        return {c.name.lower(): c for c in _THEIRS.get(table.name, ())}

    ((query, column),) = [
        found for statement in _statements()["merge"] for found in narrowings(statement, columns)
    ]
    assert column.name == "code"
    _compare("code_page", query + ";\n")


def test_our_own_tables_have_no_code_pages() -> None:
    def columns(table: exp.Table) -> Mapping[str, Column]:
        return {c.name.lower(): c for c in _OURS.get(table.name, ())}

    for statements in _statements().values():
        for statement in statements:
            assert list(narrowings(statement, columns)) == []
