"""Columns of existing tables of SQL Server: what they take, and what takes nothing."""

import pyarrow as pa
import pytest

from syncline.destinations.sqlserver_types import Column, field, schema_of
from syncline.load.mapping import examined
from syncline.model.job import Flow
from syncline.model.steps import told_step
from syncline.model.table import native_of


def problems(column: Column, source: pa.DataType) -> str:
    """Return what check says of a column of the query that is to go there."""
    found = examined(Flow(), pa.schema([("v", source)]), schema_of([column]))
    return "; ".join(p.text for p in found.problems)


@pytest.mark.parametrize("kind", ["sql_variant", "hierarchyid", "geometry", "geography", "vector"])
def test_types_that_take_nothing_of_ours_are_named(kind: str) -> None:
    column = Column(name="v", type=kind)
    assert native_of(field(column)) == kind
    assert f"'v' is {kind}" in problems(column, pa.string())
    assert f"'v' is {kind}" in problems(column, pa.binary())


def test_an_encrypted_column_takes_values_from_clients_with_its_key_alone() -> None:
    column = Column(name="v", type="nvarchar", length=40, encrypted=True)
    assert "'v' is encrypted nvarchar" in problems(column, pa.string())


@pytest.mark.parametrize("kind", ["timestamp", "int"])
def test_a_rowversion_and_a_computed_column_take_no_value(kind: str) -> None:
    column = Column(name="v", type=kind, made_by="expression")
    assert "'v' is computed by the database" in problems(column, pa.int64())


@pytest.mark.parametrize(
    ("kind", "source", "step"),
    [
        ("datetime", pa.timestamp("us"), "steps of 1/300 s"),
        ("smalldatetime", pa.timestamp("us"), "steps of 60 s"),
        ("money", pa.decimal128(19, 4), ""),
        ("smallmoney", pa.decimal128(10, 4), ""),
        ("xml", pa.string(), ""),
        ("uniqueidentifier", pa.string(), ""),
        ("ntext", pa.string(), ""),
        ("image", pa.binary(), ""),
    ],
)
def test_older_types_take_what_they_can_hold(kind: str, source: pa.DataType, step: str) -> None:
    column = Column(name="v", type=kind)
    assert problems(column, source) == ""
    assert told_step(field(column)) == step
