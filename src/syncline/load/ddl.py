"""Statements that make and change tables. Every DDL node of sqlglot is built here."""

from collections.abc import Collection, Sequence
from typing import Final

import pyarrow as pa
from sqlglot import exp

from syncline.model.ports import Traits
from syncline.model.table import description_of
from syncline.model.types import sql_type

#: Columns that a table of Databricks may be clustered by, how many of its first columns have the
#: statistics for that, and types that have them.
_CLUSTERED: Final = 4
_WITH_STATISTICS: Final = 32
_CLUSTERING: Final = frozenset(
    {"STRING", "TEXT", "BIGINT", "INT", "SMALLINT", "TINYINT", "DATE", "TIMESTAMP", "TIMESTAMPTZ",
     "TIMESTAMPNTZ", "DECIMAL", "FLOAT", "DOUBLE"}
)  # fmt: skip


def identifier(name: str) -> exp.Identifier:
    """Return a quoted identifier, so that every name means itself."""
    return exp.to_identifier(name, quoted=True)


def column(name: str, table: str | None = None) -> exp.Column:
    """Return a quoted column, qualified by a quoted table name or alias if one is given."""
    return exp.column(identifier(name), table=identifier(table) if table else None)


def create_table(
    table: exp.Table,
    schema: pa.Schema,
    dialect: str,
    *,
    key: Sequence[str] = (),
    enforced: bool = False,
    unique: bool = False,
    temporary: bool = False,
) -> exp.Create:
    """Return CREATE TABLE IF NOT EXISTS; the key gets types that can be keys.

    ``enforced``: the database itself refuses a second row with the same key. ``unique``: there
    is none, and those who read the table may know it, where the database only passes it on.
    """
    parts: list[exp.Expression] = [_definition(f, dialect, key) for f in schema]
    if enforced:
        parts.append(exp.PrimaryKey(expressions=[identifier(c) for c in key]))
    elif unique and key and dialect == "databricks":
        names = [identifier(c) for c in key]
        parts.append(exp.PrimaryKey(expressions=names, options=["NOT ENFORCED"]))
    if temporary:
        properties: list[exp.Expression] = [exp.TemporaryProperty()]
    else:
        # The ledger has partitions, which the destination makes.
        properties = kept_by(schema, () if enforced else key, dialect)
    return exp.Create(
        this=exp.Schema(this=table.copy(), expressions=parts),
        kind="TABLE",
        exists=True,
        properties=exp.Properties(expressions=properties) if properties else None,
    )


def kept_by(schema: pa.Schema, key: Sequence[str], dialect: str) -> list[exp.Expression]:
    """Return how a table with a key is kept: on Databricks clustered by it, as far as it can be.

    By types that have statistics, in the columns that have them: nested ones are JSON here, so
    each column counts once.
    """
    if dialect != "databricks":
        return []
    kinds = {f.name: sql_type(f, dialect).this.value for f in list(schema)[:_WITH_STATISTICS]}
    chosen = [column(name) for name in key if kinds.get(name) in _CLUSTERING][:_CLUSTERED]
    return [exp.ClusterProperty(expressions=chosen)] if chosen else []


def remade_by(schema: pa.Schema, key: Sequence[str], dialect: str) -> list[exp.Expression]:
    """Return how a table is kept that takes the place of another.

    On Databricks, only a table that is new has by itself what times without a zone need.
    """
    kept = kept_by(schema, key, dialect)
    if dialect == "databricks" and any(
        pa.types.is_timestamp(f.type) and not f.type.tz for f in schema
    ):
        given = exp.Literal.string("delta.feature.timestampNtz")
        kept.append(exp.Property(this=given, value=exp.Literal.string("supported")))
    return kept


def create_schema(name: str) -> exp.Create:
    """Return CREATE SCHEMA IF NOT EXISTS."""
    return exp.Create(this=exp.Table(db=identifier(name)), kind="SCHEMA", exists=True)


def drop_table(table: exp.Table) -> exp.Drop:
    """Return DROP TABLE IF EXISTS."""
    return exp.Drop(tables=[table.copy()], kind="TABLE", exists=True)


def truncate_table(table: exp.Table) -> exp.TruncateTable:
    """Return TRUNCATE TABLE."""
    return exp.TruncateTable(expressions=[table.copy()])


def add_column(table: exp.Table, field: pa.Field, dialect: str) -> exp.Alter:
    """Return ALTER TABLE … ADD COLUMN, nullable."""
    return exp.Alter(this=table.copy(), kind="TABLE", actions=[_definition(field, dialect, ())])


def alter_type(table: exp.Table, field: pa.Field, dialect: str, *, key: bool = False) -> exp.Alter:
    """Return ALTER TABLE … ALTER COLUMN … to the type of the field."""
    kind = sql_type(field, dialect, key=key)
    action = exp.AlterColumn(this=identifier(field.name), dtype=kind)
    return exp.Alter(this=table.copy(), kind="TABLE", actions=[action])


def create_index(
    table: exp.Table, name: str | None, columns: Sequence[str], kind: str | None = None
) -> exp.Create:
    """Return CREATE INDEX, with a name only IF NOT EXISTS; ``kind`` is the database's word."""
    using = exp.Var(this=kind) if kind else None
    parameters = exp.IndexParameters(using=using, columns=[column(c) for c in columns])
    this = identifier(name) if name else None
    index = exp.Index(this=this, table=table.copy(), params=parameters)
    return exp.Create(this=index, kind="INDEX", exists=bool(name))


def drop_index(table: exp.Table, name: str) -> exp.Drop:
    """Return DROP INDEX IF EXISTS."""
    index = exp.Index(this=identifier(name), table=table.copy())
    return exp.Drop(this=index, kind="INDEX", exists=True)


def identity_switch(table: exp.Table, traits: Traits, *, on: bool) -> exp.Command:
    """Return SET IDENTITY_INSERT, for databases that have the switch."""
    name = table.sql(dialect=traits.dialect)
    return exp.Command(this="SET", expression=f"IDENTITY_INSERT {name} {'ON' if on else 'OFF'}")


def rename_table(table: exp.Table, name: str) -> exp.Alter:
    """Return ALTER TABLE … RENAME TO, within the table's schema."""
    action = exp.AlterRename(this=exp.table_(identifier(name)))
    return exp.Alter(this=table.copy(), kind="TABLE", actions=[action])


def _definition(field: pa.Field, dialect: str, key: Collection[str]) -> exp.ColumnDef:
    kind = sql_type(field, dialect, key=field.name in key)
    constraints = (
        [exp.ColumnConstraint(kind=exp.NotNullColumnConstraint())] if field.name in key else []
    )
    description = description_of(field)
    if description and dialect == "databricks":
        # The others take comments in statements of their own.
        comment = exp.CommentColumnConstraint(this=exp.Literal.string(description))
        constraints.append(exp.ColumnConstraint(kind=comment))
    return exp.ColumnDef(this=identifier(field.name), kind=kind, constraints=constraints)
