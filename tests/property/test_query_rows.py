"""Whatever the rows, the filter and the pages: the result is the query's own."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from query_tables import MOMENT, answers
from syncline.model.batch import Cursor
from syncline.model.table import Deleted, Table, field_of
from syncline.query.execute import execute
from syncline.query.plan import Plan, plan
from syncline.testing.source import MemorySource

START = datetime(2025, 1, 1, tzinfo=UTC)
THINGS = Table(
    name="Things",
    schema=pa.schema(
        [
            field_of("Id", pa.int64(), nullable=False),
            field_of("Number", pa.int64()),
            field_of("Word", pa.string()),
            field_of("Part", pa.float64()),
            field_of("Yes", pa.bool_()),
            field_of("Day", pa.date32()),
            field_of("Changed", MOMENT),
            field_of("Gone", pa.bool_()),
        ]
    ),
    primary_key=("Id",),
    cursor_column="Changed",
    filters={
        "Id": answers("="),
        "Number": answers("=", "<>", "<", ">=", "in"),
        "Word": answers("=", "in"),
        "Part": answers(">", exact=False),
        "Yes": answers("="),
        "Day": answers(">=", "<="),
        "Changed": answers(">="),
    },
    deleted=Deleted(column="Gone"),
)
OTHERS = replace(THINGS, name="Others")
TABLES = {t.name: t for t in (THINGS, OTHERS)}

ids = st.integers(0, 6)
numbers = st.none() | st.integers(-2, 3)
words = st.none() | st.sampled_from(["", "a", "B", "ab", "it's"])
things = st.fixed_dictionaries(
    {
        "Id": ids,
        "Number": numbers,
        "Word": words,
        "Part": st.none() | st.sampled_from([-1.5, 0.0, 0.5, 2.0]),
        "Yes": st.none() | st.booleans(),
        "Day": st.none() | st.integers(0, 4).map(lambda n: date(2025, 1, 1) + timedelta(days=n)),
        "Changed": st.integers(0, 4).map(lambda n: START + timedelta(hours=n)),
        "Gone": st.sampled_from([None, False, False, True]),
    }
)


def _literal(column: str) -> st.SearchStrategy[str]:
    return {
        "Id": ids.map(str),
        "Number": st.integers(-2, 3).map(some_quoted),
        "Word": st.sampled_from(["''", "'a'", "'B'", "'it''s'"]),
        "Part": st.sampled_from(["0", "'0.5'", "1.25"]),
        "Yes": st.sampled_from(["'true'", "'false'", "1", "0"]),
        "Day": st.integers(0, 4).map(lambda n: f"'2025-01-0{n + 1}'"),
        "Changed": st.integers(0, 4).map(lambda n: f"'2025-01-01 0{n}:00'"),
    }[column]


def some_quoted(number: int) -> str:
    return f"'{number}'" if number % 2 else str(number)


def _comparison(alias: str) -> st.SearchStrategy[str]:
    def of(column: str) -> st.SearchStrategy[str]:
        literal, name = _literal(column), f"{alias}.{column}"
        operators = ["=", "<>"] if column == "Yes" else ["=", "<>", "<", "<=", ">", ">="]
        return st.one_of(
            st.tuples(st.sampled_from(operators), literal).map(lambda t: f"{name} {t[0]} {t[1]}"),
            st.tuples(st.sampled_from(operators), literal).map(lambda t: f"{t[1]} {t[0]} {name}"),
            st.lists(literal, min_size=1, max_size=3).map(lambda v: f"{name} IN ({', '.join(v)})"),
            st.tuples(literal, literal).map(lambda t: f"{name} BETWEEN {t[0]} AND {t[1]}"),
            st.just(f"{name} IS NULL"),
            st.just(f"{alias}.Yes"),
        )

    columns = ["Id", "Number", "Word", "Part", "Yes", "Day", "Changed"]
    return st.sampled_from(columns).flatmap(of)


def conditions(alias: str) -> st.SearchStrategy[str]:
    return st.recursive(
        _comparison(alias),
        lambda inner: st.one_of(
            st.tuples(inner, st.sampled_from(["AND", "AND", "OR"]), inner).map(
                lambda t: f"({t[0]} {t[1]} {t[2]})"
            ),
            inner.map(lambda c: f"NOT ({c})"),
        ),
        max_leaves=5,
    )


OUTPUTS = [
    "*",
    "Id",
    "Word, Id AS Key, Number",
    "Id, Word + '!' AS Loud, Number * 2 AS Twice, Yes",
    "Id, COALESCE(Word, 'none') AS w, CASE WHEN Part > 0 THEN 1 ELSE 0 END AS p",
]


def query(outputs: str, condition: str | None, rest: str = "") -> str:
    where = f" WHERE {condition}" if condition else ""
    return f"SELECT {outputs} FROM Things{where}{rest}"


FAST = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])


News: TypeAlias = tuple[
    list[dict[str, Any]], Cursor | None, dict[tuple[Any, ...], dict[str, Any] | None]
]


def read(
    found: Plan, source: MemorySource, since: Cursor | None = None, *, changes: bool = False
) -> News:
    """Return the rows, the last cursor, and per key the row it now has or None."""

    async def all_of_it() -> News:
        rows, last, by_key = [], None, dict[tuple[Any, ...], dict[str, Any] | None]()
        async for batch in execute(found, source, since, changes=changes):
            rows += batch.records.to_pylist()
            last = batch.cursor
            for row in batch.records.to_pylist():
                by_key[tuple(row[k] for k in found.key)] = row
            for row in batch.removed.to_pylist() if batch.removed is not None else []:
                by_key[tuple(row.values())] = None
        return rows, last, by_key

    return asyncio.run(all_of_it())


def directly(found: Plan, rows: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return what DuckDB makes of the query over all rows that are not gone."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for scan, relation in zip(found.scans, found.relations, strict=True):
            living = [row for row in rows[scan.table.name] if not row["Gone"]]
            connection.register(
                relation, pa.Table.from_pylist(list(living), schema=scan.table.schema)
            )
        answer: list[dict[str, Any]] = connection.sql(found.sql).to_arrow_table().to_pylist()
        return answer


def bag(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return sorted(repr(list(row.items())) for row in rows)


@FAST
@given(
    rows=st.lists(things, max_size=12, unique_by=lambda r: r["Id"]),
    condition=st.none() | conditions("Things"),
    outputs=st.sampled_from(OUTPUTS),
    size=st.integers(1, 5),
)
def test_streaming_is_the_query_itself(
    rows: list[dict[str, Any]], condition: str | None, outputs: str, size: int
) -> None:
    found = plan(query(outputs, condition), TABLES)
    source = MemorySource([THINGS], {"Things": rows}, page_size=size)
    answer, cursor, _ = read(found, source)
    assert found.streaming
    assert cursor is not None
    assert bag(answer) == bag(directly(found, {"Things": rows}))


@FAST
@given(
    rounds=st.lists(st.lists(things, max_size=5), min_size=2, max_size=4),
    condition=st.none() | conditions("Things"),
    outputs=st.sampled_from(OUTPUTS),
    size=st.integers(1, 4),
)
def test_changes_keep_the_target_what_a_clean_query_would_give(
    rounds: list[list[dict[str, Any]]], condition: str | None, outputs: str, size: int
) -> None:
    found = plan(query(outputs, condition), TABLES)
    source = MemorySource([THINGS], page_size=size)
    target: dict[tuple[Any, ...], dict[str, Any]] = {}
    since: Cursor | None = None
    for number, changed in enumerate(rounds):
        source.put("Things", *changed)
        _, since, news = read(found, source, since, changes=number > 0)
        for key, row in news.items():
            if row is None:
                target.pop(key, None)
            else:
                target[key] = row
        clean = directly(found, {"Things": source.rows("Things")})
        assert bag(list(target.values())) == bag(clean)


@FAST
@given(
    left=st.lists(things, min_size=2, max_size=6, unique_by=lambda r: r["Id"]),
    right=st.lists(things, min_size=2, max_size=6, unique_by=lambda r: r["Id"]),
    join=st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]),
    on=st.none() | _comparison("t") | _comparison("o"),
    condition=st.none() | _comparison("t") | _comparison("o"),
    inner=st.sampled_from(["Others", "(SELECT * FROM Others WHERE Yes = 1)"]),
)
def test_joins_are_the_same_whatever_the_source_answers(  # noqa: PLR0917 (what varies)
    left: list[dict[str, Any]],
    right: list[dict[str, Any]],
    join: str,
    on: str | None,
    condition: str | None,
    inner: str,
) -> None:
    joined = f"{join} {inner} o ON t.Number = o.Id"
    sql = query("t.Id AS a, o.Id AS b, o.Word", None, f" t {joined}")
    sql += (f" AND {on}" if on else "") + (f" WHERE {condition}" if condition else "")
    rows = {"Things": left, "Others": right}
    found = plan(sql, TABLES)
    answer, _, _ = read(found, MemorySource([THINGS, OTHERS], rows))
    assert bag(answer) == bag(directly(found, rows))


@FAST
@given(
    rows=st.lists(things, max_size=12, unique_by=lambda r: r["Id"]),
    condition=st.none() | conditions("Things"),
    count=st.integers(0, 6),
    offset=st.integers(0, 4),
    size=st.integers(1, 4),
)
def test_first_rows_are_rows_of_the_query_and_as_many_as_there_are(
    rows: list[dict[str, Any]], condition: str | None, count: int, offset: int, size: int
) -> None:
    found = plan(query("*", condition, f" LIMIT {count} OFFSET {offset}"), TABLES)
    whole = directly(plan(query("*", condition), TABLES), {"Things": rows})
    answer, _, _ = read(found, MemorySource([THINGS], {"Things": rows}, page_size=size))
    assert len(answer) == max(0, min(count, len(whole) - offset))
    assert set(bag(answer)) <= set(bag(whole))


@FAST
@given(value=st.text(max_size=12) | st.integers(-(2**62), 2**62) | st.booleans())
def test_parameters_arrive_as_they_are(value: str | int | bool) -> None:  # noqa: FBT001 (a value)
    rows = [{"Id": 1, "Changed": START}]
    found = plan("SELECT Id, @value AS v FROM Things", TABLES, parameters={"value": value})
    answer, _, _ = read(found, MemorySource([THINGS], {"Things": rows}))
    assert answer == [{"Id": 1, "v": value}]
