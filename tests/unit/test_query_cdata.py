"""Functions that CData's documentation and T-SQL have, each with the result they promise."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from query_values import ONE, ROW, local, values
from syncline.errors import QueryError, RecordRefused
from syncline.query.execute import execute
from syncline.query.plan import plan
from syncline.query.wordings import REFUSED
from syncline.testing.source import MemorySource

#: What CData counts from 0, and what T-SQL counts from 1.
PLACES: Mapping[str, object] = {
    "INDEXOF('0123456', '456')": 4,
    "INDEXOF('0123456', '456', 5)": -1,
    "INDEXOF('0123456', '456', 2)": 4,
    "INDEXOF(n, 'x')": None,
    "CHARINDEX('456', '0123456')": 5,
    "CHARINDEX('456', '0123456', 6)": 0,
    "CHARINDEX('456', '0123456', -3)": 5,
    "CHARINDEX('7', i)": 1,
    "LOCATE('sample', 'XXXXXsampleXXXXX')": 6,
    "POSITION('456' IN '123456')": 4,
    "PATINDEX('123%', '1234567890')": 1,
    "PATINDEX('%890', '1234567890')": 8,
    "PATINDEX('%456%', '1234567890')": 4,
    "PATINDEX('%[^a-z]%', 'ab3')": 3,
    "PATINDEX('%z%', 'ab3')": 0,
    "PATINDEX('%z%', n)": None,
}
TEXTS: Mapping[str, object] = {
    "SUBSTRING('1234567890' FROM 3 FOR 2)": "34",
    "SUBSTRING('1234567890' FROM 3)": "34567890",
    "SUBSTRING('abc', 0, 3)": "ab",
    "SUBSTRING('abc', -2, 5)": "ab",
    "SUBSTRING('abc', k, k)": "bc",
    "LEFT('1234567890', 3)": "123",
    "LEFT('abc', 0)": "",
    "LEFT(s, CHARINDEX(' ', s) - 1)": "Smith",
    "RIGHT('1234567890', 3)": "890",
    "STUFF('1234567890', 3, 2, 'xx')": "12xx567890",
    "STUFF('abc', 0, 1, 'x')": None,
    "STUFF('abc', 4, 1, 'x')": None,
    "STUFF('abc', 2, -1, 'x')": None,
    "STR('123.456')": "       123",
    "STR('123.456', 2)": "**",
    "STR('123.456', 10, 2)": "    123.46",
    "STR(123.45, 6, 1)": " 123.5",
    "STR(123.456, 5, 2)": "123.5",
    "STR(12345678901)": "**********",
    "REPLICATE('x', 3) + SPACE(1)": "xxx ",
    "REPLICATE('x', -1)": None,
    "QUOTENAME('table_name')": "[table_name]",
    "QUOTENAME('table\"name', '\"')": '"table""name"',
    "QUOTENAME('a', '''')": "'a'",
    "MASK('1234567890', '*')": "**********",
    "MASK('1234567890', '*', 4)": "1234******",
    "MASK('1234567890', '*', 4, 2)": "1234****90",
    "MASK('123', '*', 4, 2)": "123",
    "SPLIT('a/b/c/d', '/', 1)": "a",
    "SPLIT('a/b/c/d', '/', -2)": "c",
    "TOSTRING(123.456)": "123.456",
    "TOSTRING(NULL)": "",
    "OCTET_LENGTH('text')": 4,
    "OCTET_LENGTH('é')": 2,
    "CHAR_LENGTH('sample text')": 11,
    "TRIM(LEADING FROM '  trimmed  ')": "trimmed  ",
    "TRIM(BOTH '-' FROM '--trimmed--')": "trimmed",
    "ISNULL(n, 5)": "5",
    "ISNULL(42, 'Was NULL')": 42,
    "ENDSWITH('0123456', '456')": True,
    "i LIKE '7%'": True,
    "d LIKE '2025-03%'": True,
    "CONCAT(s, i)": "Smith & Co  7",
    "HEX('Sample Text')": "53616D706C652054657874",
    "s LIKE '[A-S]m%'": True,
    "s LIKE '[^S]%'": False,
    "s NOT LIKE '%[0-9]%'": True,
    "'50%' LIKE '50[%]'": True,
    "'505' LIKE '50[%]'": False,
    "'a^c' LIKE 'a[c^]c'": True,
    "'a%b' LIKE 'a!%b' ESCAPE '!'": True,
    "'axb' LIKE 'a!%b' ESCAPE '!'": False,
    "'a\\b' LIKE 'a\\b'": True,
    "CONVERT(varchar(64), HASHBYTES('MD5', 'a'), 2)": "0CC175B9C0F1B6A831C399E269772661",
    "CONVERT(varchar(64), HASHBYTES('MD5', 'a'), 1)": "0x0CC175B9C0F1B6A831C399E269772661",
}
NUMBERS: Mapping[str, object] = {
    "FORMAT(12.34, '#')": "12",
    "FORMAT(12.34, '#.###')": "12.34",
    "FORMAT(0.5, '#.##')": ".5",
    "FORMAT(0, '#')": "",
    "FORMAT(1234.5, 'C')": "$1,234.50",
    "FORMAT(-1234.5, 'c0')": "($1,235)",
    "FORMAT(f, 'P1')": "175.0 %",
    "FORMAT(f, '0.0%')": "175.0%",
    "FORMAT(i, 'D5')": "00007",
    "FORMAT(-7, 'D5')": "-00007",
    "FORMAT(i, '00000')": "00007",
    "FORMAT(f, '000.00')": "001.75",
    "FORMAT(123456, '000')": "123456",
    "FORMAT(255, 'X4')": "00FF",
    "FORMAT(1234567.5, '#,##0.##')": "1,234,567.5",
    "FORMAT(1234567, '#,##0.##')": "1,234,567",
    "FORMAT(1234567, 'N2')": "1,234,567.00",
    "FORMAT(-1234.5, '$#,##0.00')": "-$1,234.50",
    "FORMAT(m, '0.00')": "-2.90",
    "FORMAT(-0.001, '0.00')": "0.00",
    "FORMAT(9007199254740993, '#,##0')": "9,007,199,254,740,993",
    "i + '1'": 8,
    "' 2 ' + f": 3.75,
    "LEN(s) / 3": 3,
    "(LEN(s) + 1) / 2": 5,
    "(DATEDIFF(day, d, ts) + 8) / 5": 1,
    "ISNULL(i, 5) / k": 3,
    "NEGATE(i) - NEGATE(k)": -5,
    "NEGATE(-12.4)": Decimal("12.4"),
    "ROUND(1.7, 0, 0)": Decimal(2),
    "ROUND(1.7, 0, 1)": Decimal(1),
    "ROUND(f, 1, 1)": 1.7,
    "TRUNC(10.3423, 2)": Decimal("10.34"),
    "POWER(2, 10)": 1024.0,
    "ATN2(1, 1)": 0.7853981633974483,
    "MOD(10, 3)": 1,
    "GREATEST(3, 5, 8, 10, 1)": 10,
    "CAST(0.5 AS BIT)": True,
    "CAST(200 AS TINYINT)": 200,
    "TRY_CAST('1.5' AS INT)": None,
    "TRY_CAST(300 AS TINYINT)": None,
    "CONVERT(varchar(30), CAST(1234567.891 AS money), 1)": "1,234,567.89",
    "CAST('abc' AS VARBINARY(10))": b"abc",
}
MOMENTS: Mapping[str, object] = {
    "FORMAT('2019/01/01', 'yyyy-MM-dd')": "2019-01-01",
    "FORMAT('20190101', 'yyyyMMdd', 'yyyy-MM-dd')": "2019-01-01",
    "FORMAT(ts, '\"at\" HH''h''', 'en-US')": "at 13h",
    "FORMAT(ts, 'yyyy-MM-ddTHH:mm:ss.fff')": "2025-03-02T13:04:05.678",
    "FORMAT(d, 'dd\\MMM')": "01M03",
    "STRTODATE('03*04*2020', 'dd*MM*yyyy')": local(2020, 4, 3),
    "ISDATE('2018-02-01', 'yyyy-MM-dd')": 1,
    "ISDATE('Not a date') + ISDATE('2018-02-31', 'yyyy-MM-dd')": 0,
    "DATEADD('d', 5, '2018-02-01')": local(2018, 2, 6),
    "DATEADD(day, 1, '20250131')": local(2025, 2, 1),
    "DATEADD(hour, f, ts)": datetime(2025, 3, 2, 14, 4, 5, 678900, tzinfo=UTC),
    "ts - 1": datetime(2025, 3, 1, 13, 4, 5, 678900, tzinfo=UTC),
    "d + 1": date(2025, 3, 2),
    "DATEDIFF('d', '2018-02-01', '2018-02-10')": 9,
    "DATENAME('dw', '2018-02-01')": "Thursday",
    "DATEPART('dw', '2018-02-01')": 5,
    "DATEFROMPARTS(2018, 2, 1)": date(2018, 2, 1),
    "DATETIMEFROMPARTS(2018, 2, 1, 1, 2, 3, 456)": datetime(  # noqa: DTZ001 (of no zone)
        2018, 2, 1, 1, 2, 3, 456000
    ),
    "DATETIME2FROMPARTS(2018, 2, 1, 1, 2, 3, 456, 3)": datetime(  # noqa: DTZ001 (of no zone)
        2018, 2, 1, 1, 2, 3, 456000
    ),
    "SMALLDATETIMEFROMPARTS(2018, 2, 1, 1, 2)": datetime(2018, 2, 1, 1, 2),  # noqa: DTZ001 (of no zone)
    "TIMEFROMPARTS(1, 2, 3, 456, 3)": time(1, 2, 3, 456000),
    "DATE_TRUNC('2005-04-05', 'YY')": local(2005, 1, 1),
    "DATE_TRUNC(d, 'MM')": date(2025, 3, 1),
    "DATE_TRUNC('month', d)": local(2025, 3, 1),
    "DATE_TRUNC2('year', '2020-02-04')": local(2020, 1, 1),
    "DATE_TRUNC2('week', '2020-02-04', 'monday')": local(2020, 2, 3),
    "DATE_TRUNC2('week', '2020-02-04', 'sunday')": local(2020, 2, 2),
    "DAYOFWEEK('2000-04-15')": 7,
    "DAYOFYEAR('2000-04-15')": 106,
    "WEEK('2020-02-17 11:15:23')": 8,
    "QUARTER('2020-02-02') + HOUR('2020-02-02 11:30:00')": 12,
    "EOMONTH('2018-02-01', 2)": date(2018, 4, 30),
    "LAST_DAY('2018-02-01')": date(2018, 2, 28),
    "FDWEEK('2018-02-08')": date(2018, 2, 4),
    "FDMONTH(ts)": date(2025, 3, 1),
    "FDQUARTER('2018-05-08')": date(2018, 4, 1),
    "LDWEEK('2020-02-02')": date(2020, 2, 8),
    "LDMONTH('2020-02-02')": date(2020, 2, 29),
    "LDQUARTER('2020-02-02')": date(2020, 3, 31),
    "FROM_DAYS(736000)": date(2015, 2, 6),
    "TO_DAYS('2015-02-06')": 736000,
    "MAKEDATE(2020, 60)": date(2020, 2, 29),
    "FROM_UNIXTIME(1540495231, 1)": datetime(2018, 10, 25, 19, 20, 31, tzinfo=UTC),
    "FROM_UNIXTIME(1540495357385, 0)": datetime(2018, 10, 25, 19, 22, 37, 385000, tzinfo=UTC),
    "CONVERT(varchar(30), ts, 100)": "Mar  2 2025  1:04PM",
    "CONVERT(varchar(30), ts, 109)": "Mar  2 2025  1:04:05:678PM",
    "CONVERT(varchar(30), ts, 113)": "02 Mar 2025 13:04:05:678",
    "CONVERT(varchar(30), d, 126)": "2025-03-01T00:00:00",
    "CONVERT(datetime, '2025-03-01T10:00:00', 126)": local(2025, 3, 1, 10),
    "CONVERT(datetime, '20250301', 112)": local(2025, 3, 1),
    "TRY_CONVERT(date, 'x', 101)": None,
    "CAST('20250301 10:00' AS DATETIME)": local(2025, 3, 1, 10),
    "CAST(ts AS DATETIME2(0))": datetime(2025, 3, 2, 13, 4, 6),  # noqa: DTZ001 (of no zone)
    "CAST('2025-03-01 10:00:40' AS SMALLDATETIME)": datetime(2025, 3, 1, 10, 1),  # noqa: DTZ001 (of no zone)
    "CAST('10:30:15.999' AS TIME(0))": time(10, 30, 16),
    "CAST(ts AS DATETIMEOFFSET(3))": datetime(2025, 3, 2, 13, 4, 5, 679000, tzinfo=UTC),
    "ts AT TIME ZONE 'Europe/Berlin'": datetime(  # noqa: DTZ001 (of no zone)
        2025, 3, 2, 14, 4, 5, 678900
    ),
    "ts AT TIME ZONE 'UTC' AT TIME ZONE 'Eastern Standard Time'": datetime(  # noqa: DTZ001 (of no zone)
        2025, 3, 2, 8, 4, 5, 678900
    ),
    "CAST(d AS DATETIME) AT TIME ZONE 'Eastern Standard Time'": datetime(2025, 3, 1, 5, tzinfo=UTC),
}


async def test_places() -> None:
    assert await values(PLACES) == PLACES


async def test_texts() -> None:
    assert await values(TEXTS) == TEXTS


async def test_numbers() -> None:
    assert await values(NUMBERS) == NUMBERS


async def test_moments() -> None:
    assert await values(MOMENTS) == MOMENTS


async def test_moments_from_now() -> None:
    now = datetime(2025, 3, 17, 12, tzinfo=UTC)
    sql = (
        "SELECT LAST_WEEK() AS a, LAST_MONTH() AS b, LAST_YEAR() AS c, GETDATE() - 1 AS d FROM One"
    )
    found = plan(sql, {"One": ONE}, now=now)
    source = MemorySource([ONE], {"One": [ROW]})
    (batch,) = [b async for b in execute(found, source, None, changes=False)]
    assert [v.date() for v in batch.records.to_pylist()[0].values()] == [
        date(2025, 3, 10), date(2025, 2, 17), date(2024, 3, 17), date(2025, 3, 16),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("expression", "complaint", "hint"),
    [
        ("FORMAT(d, 'd', 'de-DE')", "culture 'de-DE'", "dd.MM.yyyy"),
        ("FORMAT(ts, 'yyyy zzz')", "'z' in the pattern", "other letters stand in quotes"),
        ("FORMAT(ts, 'R')", "date pattern 'R'", "write it out"),
        ("FORMAT(f, 'E2')", "number pattern 'E2'", "use N2"),
        ("FORMAT(f, 'D2')", "number pattern 'D2'", "use N2"),
        ("ISNULL(s)", "ISNULL takes a value", "IS NULL"),
        ("HASHBYTES('SHA2_512', s)", "SHA2_512 is not supported", "SHA2_256"),
        ("RAND(5)", "RAND takes no seed", "RAND()"),
        ("QUOTENAME(s, 'x')", "quote of QUOTENAME", ""),
        ("PATINDEX(s, s)", "pattern of PATINDEX", ""),
        ("INDEXOF(s)", "INDEXOF does not take 1 arguments", ""),
        ("INDEXFO(s, 'x')", "no function INDEXFO", "did you mean INDEXOF"),
        ("DATE_TRUNC(d, 'X')", "a unit such as", "DATETRUNC"),
        ("DATE_TRUNC2('weak', d)", "'weak' is not a unit", "week"),
        ("s + i", "a number and a text cannot be added", "CONCAT"),
        ("d + ' '", "a date and a text cannot be added", "CONCAT"),
        ("LEN(s) + 'x'", "a number and a text cannot be added", "CONCAT"),
        ("ABS(s)", "ABS does not take \\(VARCHAR\\)", "CAST"),
        ("ROUND(s, 1)", "ROUND does not take", "CAST"),
        ("COALESCE(n, i)", "COALESCE cannot mix VARCHAR and BIGINT", "CAST"),
        ("CAST(s AS XML)", "no type XML", "NVARCHAR"),
        ("CAST(s AS VARCHR(5))", "no type VARCHR", "did you mean VARCHAR"),
        ("CAST(ts AS DATETIME2(5))", "moments of 5 digits", "0, 3 or 6"),
        ("CAST('03/01/2025' AS DATE)", "'03/01/2025' is not a date", "101"),
        ("CAST('x' AS TIME)", "'x' is not a time", "13:45:00"),
        ("ts AT TIME ZONE 'Nowhere'", "no time zone 'Nowhere'", "America/New_York"),
        ("s LIKE 'a[b]!%' ESCAPE '!'", "sets in \\[ \\] and ESCAPE", "[%]"),
    ],
)
def test_refused_at_the_word(expression: str, complaint: str, hint: str) -> None:
    with pytest.raises(QueryError, match=complaint) as caught:
        plan(f"SELECT {expression} AS x FROM One", {"One": ONE})
    assert "^" in str(caught.value)
    assert hint in caught.value.hint


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_functions_of_others_are_refused_with_what_comes_near(name: str) -> None:
    with pytest.raises(QueryError, match=f"there is no function {name}\n") as caught:
        plan(f"SELECT {name}(s, 'x') AS x FROM One", {"One": ONE})
    assert caught.value.hint == REFUSED[name]


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("LEFT(s, i - 8)", "LEFT, RIGHT and SUBSTRING take no negative length"),
        ("SUBSTRING(s, 1, CHARINDEX('z', s) - 1)", "take no negative length"),
        ("CAST('1.5' AS INT)", "not a whole number: 1.5"),
        ("CAST(300 AS TINYINT)", "out of range"),
    ],
)
async def test_values_that_do_not_fit_are_an_error(expression: str, complaint: str) -> None:
    found: Any = plan(f"SELECT {expression} AS x FROM One", {"One": ONE})
    source = MemorySource([ONE], {"One": [ROW]})
    with pytest.raises(RecordRefused, match=complaint):
        [batch async for batch in execute(found, source, None, changes=False)]
