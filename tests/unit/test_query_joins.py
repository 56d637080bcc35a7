"""What is asked of the source never changes what a join answers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pyarrow as pa
import pytest

from query_tables import answers
from syncline.model.table import Table, field_of
from syncline.query.execute import execute
from syncline.query.plan import plan
from syncline.testing.source import MemorySource

LEFT = Table(
    name="L",
    schema=pa.schema(
        [
            field_of("Id", pa.int64()),
            field_of("Other", pa.int64()),
            field_of("Yes", pa.bool_()),
            field_of("Day", pa.date32()),
        ]
    ),
    filters={"Yes": answers("="), "Day": answers(">=", exact=False), "Id": answers("in")},
)
RIGHT = replace(LEFT, name="R")
ASKED = {table.name: table for table in (LEFT, RIGHT)}
NOT_ASKED = {table.name: replace(table, filters={}) for table in (LEFT, RIGHT)}
ROWS: Mapping[str, list[dict[str, Any]]] = {
    name: [
        {
            "Id": number,
            "Other": (number * step) % 7 if number % 4 else None,
            "Yes": [True, False, None][number % 3],
            "Day": date(2025, 1, 1) + timedelta(days=number) if number % 5 else None,
        }
        for number in range(12)
    ]
    for name, step in (("L", 3), ("R", 5))
}


async def answer(sql: str, tables: Mapping[str, Table]) -> list[tuple[Any, ...]]:
    source = MemorySource(tables.values(), ROWS)
    found = [
        tuple(row.values())
        async for batch in execute(plan(sql, tables), source, None, changes=False)
        for row in batch.records.to_pylist()
    ]
    return sorted(found, key=repr)


@pytest.mark.parametrize("join", ["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL OUTER JOIN"])
@pytest.mark.parametrize("place", ["AND", "WHERE"])
@pytest.mark.parametrize(
    "condition",
    ["l.Yes", "r.Yes = 'false'", "l.Day > '2025-01-04'", "r.Id IN (1, 2, 3, 5)", "l.Yes AND r.Yes"],
)
async def test_a_condition_counts_where_it_stands(join: str, place: str, condition: str) -> None:
    outputs = "SELECT l.Id AS a, r.Id AS b FROM L l"
    sql = f"{outputs} {join} R r ON r.Id = l.Other {place} {condition}"
    expected = await answer(sql, NOT_ASKED)
    assert await answer(sql, ASKED) == expected


LONGER = """
SELECT a.Id, b.Id AS b, c.Id AS c FROM L a LEFT JOIN R b ON b.Id = a.Other AND b.Yes
JOIN L c ON c.Id = a.Id AND b.Day > '2025-01-03'

SELECT a.Id, b.Id AS b, c.Id AS c FROM L a JOIN R b ON b.Id = a.Other AND a.Yes
RIGHT JOIN R c ON c.Id = a.Id AND a.Day > '2025-01-03' AND c.Yes

SELECT a.Id, b.Id AS b, c.Id AS c FROM L a LEFT JOIN R b ON b.Id = a.Other
FULL JOIN L c ON c.Id = b.Id AND c.Yes WHERE b.Yes

SELECT a.Id FROM L a WHERE a.Yes
AND NOT EXISTS (SELECT 1 FROM R b WHERE b.Id = a.Other AND a.Day > '2025-01-03' AND b.Yes)

SELECT a.Id, (SELECT COUNT(*) FROM R b WHERE b.Other = a.Other AND a.Yes AND b.Yes) AS n FROM L a

SELECT a.Id, x.Id AS x FROM L a
LEFT JOIN (SELECT * FROM R WHERE Yes) x ON x.Id = a.Other AND a.Yes AND x.Day > '2025-01-02'

SELECT a.Id, x.Id AS x FROM L a
OUTER APPLY (SELECT TOP 1 * FROM R b WHERE b.Other = a.Other AND a.Yes AND b.Yes ORDER BY b.Id) x

SELECT Id FROM L WHERE Yes UNION ALL SELECT Id FROM L WHERE Yes AND Day > '2025-01-03'

SELECT Id FROM L WHERE Yes EXCEPT SELECT Id FROM L WHERE Id IN (0, 1, 2)

SELECT a.Id, b.Id AS b FROM L a
JOIN L b ON b.Other = a.Other AND a.Yes AND b.Day > '2025-01-05'

SELECT a.Id, b.Id AS b FROM L a, R b WHERE a.Id = b.Other AND a.Yes AND b.Id IN (1, 2, 8)
"""


@pytest.mark.parametrize("sql", LONGER.strip().split("\n\n"))
async def test_conditions_of_longer_queries_count_where_they_stand(sql: str) -> None:
    expected = await answer(sql, NOT_ASKED)
    assert await answer(sql, ASKED) == expected
    assert expected
    assert any(scan.predicates for scan in plan(sql, ASKED).scans)
