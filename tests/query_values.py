"""One row of every type, and what expressions over it come to."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from syncline.model.table import Table, field_of
from syncline.query.execute import execute
from syncline.query.plan import plan
from syncline.testing.source import MemorySource


def local(year: int, month: int, day: int, hour: int = 0) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC).replace(tzinfo=None)


ONE = Table(
    name="One",
    schema=pa.schema(
        [
            field_of("i", pa.int64()),
            field_of("k", pa.int64()),
            field_of("f", pa.float64()),
            field_of("m", pa.decimal128(12, 2)),
            field_of("s", pa.string()),
            field_of("n", pa.string()),
            field_of("j", pa.string(), json=True),
            field_of("b", pa.bool_()),
            field_of("d", pa.date32()),
            field_of("ts", pa.timestamp("us", tz="UTC")),
        ]
    ),
)
ROW = {
    "i": 7,
    "k": 2,
    "f": 1.75,
    "m": Decimal("-2.90"),
    "s": "Smith & Co  ",
    "n": None,
    "j": '{"a": {"b": "x"}, "list": [1, 2]}',
    "b": True,
    # A Saturday.
    "d": date(2025, 3, 1),
    "ts": datetime(2025, 3, 2, 13, 4, 5, 678900, tzinfo=UTC),
}


async def values(expressions: Mapping[str, object], where: str = "") -> dict[str, Any]:
    outputs = ", ".join(f"{text} AS c{n}" for n, text in enumerate(expressions))
    found = plan(f"SELECT {outputs} FROM One {where}", {"One": ONE})
    assert found.streaming
    source = MemorySource([ONE], {"One": [ROW]})
    (batch,) = [b async for b in execute(found, source, None, changes=False)]
    (row,) = batch.records.to_pylist()
    return dict(zip(expressions, row.values(), strict=True))
