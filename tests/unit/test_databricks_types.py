"""Columns as Unity Catalog tells them."""

import pyarrow as pa
import pytest

from syncline.destinations.databricks_types import arrow_field
from syncline.load.mapping import examined
from syncline.model.job import Flow
from syncline.model.table import size_of


def _told(kind: str) -> pa.Field:
    return arrow_field(
        {
            "column_name": "code", "full_data_type": kind, "is_nullable": "YES",
            "column_default": None, "is_identity": "NO", "generation_expression": None,
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "size"),
    [("char(5)", 5), ("CHARACTER(7)", 7), ("varchar(5)", 5), ("string", None)],
)
def test_a_key_that_is_padded_is_refused(kind: str, size: int | None) -> None:
    """A join with the texts of the files would find no row: each run would write them again."""
    field = _told(kind)
    assert size_of(field) == size
    source = pa.schema([("code", pa.string())])
    found = examined(Flow(), source, pa.schema([field]), key=("code",)).problems
    refused = [p.text for p in found if "make it VARCHAR or STRING" in p.text]
    assert bool(found) == bool(refused) == kind.lower().startswith("char")
    # A value may be padded.
    assert not examined(Flow(), source, pa.schema([field])).problems
