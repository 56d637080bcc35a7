"""What T-SQL and CData users write means here what it means there."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest

from query_values import ONE, ROW, local, values
from syncline.errors import QueryError
from syncline.query.execute import execute
from syncline.query.plan import plan
from syncline.testing.source import MemorySource

TEXTS: Mapping[str, object] = {
    "LEN(s)": 10,
    "LEFT(s, 5)": "Smith",
    "RIGHT(RTRIM(s), 2)": "Co",
    "SUBSTRING(s, 7, 1)": "&",
    "CHARINDEX('i', s)": 3,
    "CHARINDEX('z', s)": 0,
    "CHARINDEX('o', s, 5)": 10,
    "REPLACE(s, ' & Co  ', '')": "Smith",
    "UPPER('a') + LOWER('B')": "Ab",
    "LTRIM('  x') + TRIM(' y ')": "xy",
    "s + '!'": "Smith & Co  !",
    "'a' + n": None,
    "n + s": None,
    "s || '!'": "Smith & Co  !",
    "CONCAT('a', n, i, 'b')": "a7b",
    "CONCAT_WS('-', 'a', 'b')": "a-b",
    "ISNULL(n, 'none')": "none",
    "COALESCE(n, n, 'x')": "x",
    "NULLIF('a', 'a')": None,
    "STUFF('abcdef', 2, 3, 'XY')": "aXYef",
    "SPACE(2) + 'x'": "  x",
    "REPLICATE('ab', 2)": "abab",
    "REVERSE('abc')": "cba",
    "QUOTENAME('a]b')": "[a]]b]",
    "CHAR(65) + NCHAR(66)": "AB",
    "ASCII('A')": 65,
    "N'é'": "é",
    "STR(f)": "         2",
    "s LIKE 'Sm%'": True,
    "s NOT LIKE '%z%'": True,
    "STARTSWITH(s, 'Smith')": True,
    "CASE WHEN s CONTAINS '&' THEN 1 ELSE 0 END": 1,
    "CASE WHEN s NOT CONTAINS '&' THEN 1 ELSE 0 END": 0,
    "CHOOSE(k, 'a', 'b', 'c')": "b",
    "IIF(i > 5, 'big', 'small')": "big",
    "JSON_VALUE(j, '$.a.b')": "x",
    "JSON_VALUE(j, '$.list')": None,
    "JSON_QUERY(j, '$.list')": "[1,2]",
    "JSON_EXTRACT(j, '$.list[1]')": "2",
    "ISJSON(j) + ISJSON('{')": 1,
    "ISNUMERIC('1.5') * 10 + ISNUMERIC('x')": 10,
    "HASHBYTES('MD5', 'a')": "0cc175b9c0f1b6a831c399e269772661",
}
NUMBERS: Mapping[str, object] = {
    "i / k": 3,
    "-i / k": -3,
    "i % k": 1,
    "i / 2.0": 3.5,
    "f / k": 0.875,
    "i ^ k": 5,
    "CAST(f AS INT)": 1,
    "CAST(m AS INT)": -2,
    "CONVERT(bigint, m)": -2,
    "CAST('12' AS INT)": 12,
    "TRY_CAST('x' AS INT)": None,
    "TRY_CONVERT(int, '5')": 5,
    "CAST(i AS FLOAT)": 7.0,
    "CAST(i AS REAL)": 7.0,
    "CAST(f AS MONEY)": Decimal("1.7500"),
    "CAST(f AS DECIMAL(9, 1))": Decimal("1.8"),
    "CAST(f AS DECIMAL)": Decimal(2),
    "CAST(i AS TINYINT)": 7,
    "CAST(i AS BIT)": True,
    "CAST(b AS INT)": 1,
    "CAST('true' AS BOOLEAN)": True,
    "ROUND(f, 1)": 1.8,
    "CEILING(f) + FLOOR(f)": 3.0,
    "ABS(m)": Decimal("2.90"),
    "POWER(k, 3)": 8.0,
    "SQUARE(k)": 4.0,
    "SIGN(m)": -1,
    "LOG(EXP(1))": 1.0,
    "FORMAT(1234567.891, 'N2')": "1,234,567.89",
    "FORMAT(f, '0.0')": "1.8",
    "FORMAT(i, '#,##0')": "7",
    "CASE k WHEN 1 THEN 'one' WHEN 2 THEN 'two' END": "two",
    "CAST(i AS VARCHAR(10)) + '%'": "7%",
    "CAST(s AS VARCHAR(5))": "Smith",
    "CONVERT(nvarchar(max), i)": "7",
}
MOMENTS: Mapping[str, object] = {
    "DATEADD(day, -1, d)": date(2025, 2, 28),
    "DATEADD(month, 1, '2025-01-31')": local(2025, 2, 28),
    "DATEADD(hh, 2, d)": local(2025, 3, 1, 2),
    "DATEADD(mi, i, ts)": datetime(2025, 3, 2, 13, 11, 5, 678900, tzinfo=UTC),
    "DATEADD(quarter, 1, d)": date(2025, 6, 1),
    "DATEADD(wk, 1, d)": date(2025, 3, 8),
    "DATEADD(yyyy, 1, d)": date(2026, 3, 1),
    "DATEDIFF(day, d, ts)": 1,
    "DATEDIFF(hour, '2025-01-01 23:59', '2025-01-02 00:01')": 1,
    "DATEDIFF(year, '2024-12-31', '2025-01-01')": 1,
    "DATEDIFF('month', '2025-01-31', '2025-03-01')": 2,
    # Weeks begin on Sunday.
    "DATEDIFF(week, '2025-03-01', '2025-03-02')": 1,
    "DATEDIFF(week, '2025-03-02', '2025-03-08')": 0,
    "DATEDIFF(week, '2025-02-20', '2025-01-01')": -7,
    "DATEDIFF(iso_week, '2025-03-02', '2025-03-03')": 1,
    "DATEDIFF(quarter, '2025-03-31', '2025-04-01')": 1,
    "DATEDIFF(minute, '2025-03-01 10:00:59', '2025-03-01 10:01:00')": 1,
    "DATEDIFF(second, d, ts)": 133445,
    "DATEPART(year, d) * 100 + DATEPART(mm, d)": 202503,
    "DATEPART(weekday, d)": 7,
    "DATEPART(weekday, '2025-03-02')": 1,
    "DATEPART(week, '2025-01-01')": 1,
    "DATEPART(week, '2025-01-05')": 2,
    "DATEPART(week, '2022-12-31')": 53,
    "DATEPART(iso_week, '2025-12-31')": 1,
    "DATEPART(dayofyear, d)": 60,
    "DATEPART(quarter, d)": 1,
    "DATEPART(ms, ts)": 678,
    "DATEPART(second, ts)": 5,
    "DATENAME(month, d)": "March",
    "DATENAME(dw, d)": "Saturday",
    "DATENAME(yy, d) + '/' + DATENAME(mm, d)": "2025/March",
    "YEAR(ts) * 100 + MONTH(ts)": 202503,
    "DAY('2025-03-09')": 9,
    "EOMONTH(d)": date(2025, 3, 31),
    "EOMONTH(d, -1)": date(2025, 2, 28),
    "DATETRUNC(month, ts)": datetime(2025, 3, 1, tzinfo=UTC),
    "DATETRUNC(year, d)": date(2025, 1, 1),
    "DATETRUNC(week, d)": date(2025, 2, 23),
    "DATEFROMPARTS(2025, 2, 3)": date(2025, 2, 3),
    "CAST(ts AS DATE)": date(2025, 3, 2),
    "CAST(ts AS TIME)": time(13, 4, 5, 678900),
    "CAST(d AS DATETIME)": local(2025, 3, 1),
    "CAST('2025-03-01 10:00' AS TIMESTAMP)": local(2025, 3, 1, 10),
    "CAST('2025-03-01T10:00:00+02:00' AS DATETIMEOFFSET)": datetime(2025, 3, 1, 8, tzinfo=UTC),
    "CONVERT(varchar(10), ts, 120)": "2025-03-02",
    "CONVERT(varchar, ts, 121)": "2025-03-02 13:04:05.678",
    "CONVERT(varchar, ts, 126)": "2025-03-02T13:04:05.678",
    "CONVERT(varchar, d, 101)": "03/01/2025",
    "CONVERT(char(8), d, 112)": "20250301",
    "CONVERT(date, '31.01.2025', 104)": date(2025, 1, 31),
    "CONVERT(varchar(5), i, 101)": "7",
    "FORMAT(d, 'yyyy-MM')": "2025-03",
    "FORMAT(ts, 'dd/MM/yyyy HH:mm:ss')": "02/03/2025 13:04:05",
    "FORMAT(d, 'MMMM d, yyyy')": "March 1, 2025",
    "FORMAT(d, 'd')": "3/1/2025",
    "date_trunc('month', d)": local(2025, 3, 1),
    "strftime(ts, '%H:%M')": "13:04",
    "FROM_UNIXTIME(60)": datetime(1970, 1, 1, 0, 1, tzinfo=UTC),
}


async def test_texts() -> None:
    assert await values(TEXTS) == TEXTS


async def test_numbers() -> None:
    assert await values(NUMBERS) == NUMBERS


async def test_dates_and_times() -> None:
    assert await values(MOMENTS) == MOMENTS


@pytest.mark.parametrize(
    "condition",
    [
        "b = 'true'",
        "b = 1",
        "b",
        "NOT b = 'no'",
        "i > '6.5'",
        "i = '7'",
        "'7' = i",
        "f >= '1.75'",
        "m < '-2.5'",
        "m = '-2.90'",
        "d = '20250301'",
        "d = '2025-3-1'",
        "d < '2025-03-01 00:01'",
        "d BETWEEN '2025-03-01' AND '2025-03-31'",
        "d IN ('2025-02-01', '2025-03-01')",
        "ts > '2025-03-02'",
        "ts = '2025-03-02T14:04:05.678900+01:00'",
        "ts < '2025-03-03'",
        "ts >= d",
        "YEAR(d) = '2025'",
        "s = 'Smith & Co  '",
        "n IS NULL AND s IS NOT NULL",
        "i <> 8 AND i != 9",
        "d > DATEADD(day, -1, '2025-03-01')",
        "s IN ('x', 'Smith & Co  ')",
        "EXISTS (SELECT 1 FROM One WHERE i = 7)",
    ],
)
async def test_conditions_that_are_met(condition: str) -> None:
    sql = f"SELECT i FROM One WHERE {condition}"
    source = MemorySource([ONE], {"One": [ROW]})
    found = [
        row
        async for batch in execute(plan(sql, {"One": ONE}), source, None, changes=False)
        for row in batch.records.to_pylist()
    ]
    assert found == [{"i": 7}]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("FORMAT(f, '0;(0)')", "number pattern '0;\\(0\\)'"),
        ("FORMAT(f, s)", "pattern of FORMAT must be a text"),
        ("LEN(s, 1)", "LEN does not take 2 arguments"),
        ("QUOTENAME(s, s, s)", "QUOTENAME takes a name and a quote"),
        ("DATEADD(i + 1, 1, d)", "a unit such as day or month"),
        ("DATEADD(iso_week, 1, d)", "iso_week is not a unit of DATEADD"),
        ("DATETRUNC(weekday, d)", "weekday is not a unit of DATETRUNC"),
        ("CONVERT(varchar, d, i)", "style of CONVERT must be a number"),
        ("YEAR()", "cannot be understood"),
        ("SOUNDEX(s)", "SOUNDEX"),
        ("pg_sleep(1)", "no function pg_sleep"),
        ("error(s)", "no function error"),
        ("getvariable('x')", "no function getvariable"),
        ("(*)", "\\* cannot stand here"),
        ("(" * 300 + "i" + ")" * 300, "nested too deeply"),
        ("(" * 30_000 + "i" + ")" * 30_000, "nested too deeply"),
        ("(SELECT " * 30_000 + "i" + ")" * 30_000, "nested too deeply"),
        ("CASE WHEN b THEN " * 30_000 + "i" + " END" * 30_000, "nested too deeply"),
        ("CAST(s AS " + "LIST<" * 30_000 + "INT" + ">" * 30_000 + ")", "nested too deeply"),
        ("i " + "FROM " * 30_000, "nested too deeply"),
        ("i FROM One" + " JOIN One" * 100, "nested too deeply"),
        ("NOT " * 30_000 + "b", "nested too deeply"),
        ("- " * 30_000 + "i", "nested too deeply"),
        ("i" + " + i" * 300, "nested too deeply"),
    ],
)
def test_what_cannot_be_understood_is_refused(expression: str, complaint: str) -> None:
    with pytest.raises(QueryError, match=complaint):
        plan(f"SELECT {expression} AS x FROM One", {"One": ONE})


@pytest.mark.parametrize(
    "expression",
    ["GETDATE()", "SYSUTCDATETIME()", "CURRENT_TIMESTAMP", "NEWID()", "RAND()", "now()"],
)
def test_what_moves_is_not_row_by_row(expression: str) -> None:
    found = plan(f"SELECT i, {expression} AS x FROM One", {"One": ONE})
    assert not found.streaming
    assert "asks for the time or for a random value" in found.notes[-1]


@pytest.mark.parametrize(
    "expression", ["arg_max(s, i)", "STRING_AGG(s, ',')", "VAR(f)", "approx_count_distinct(i)"]
)
def test_what_counts_several_rows_is_not_row_by_row(expression: str) -> None:
    found = plan(f"SELECT {expression} AS x FROM One", {"One": ONE})
    assert not found.streaming
    assert "computes over several rows" in found.notes[-1]
