"""Conformance: every value comes back as it went in, or is refused."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from syncline.errors import RecordRefused, SchemaRefused
from syncline.model.ports import Destination
from syncline.model.run import Evolved
from syncline.model.table import field_of, is_json
from syncline.testing.conformance_runs import Trial, contents, table, task

_DIGITS = Decimal("12345678901234567890123456789.123456789")
_INSTANTS = [
    datetime(1, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=5, minutes=45))),
    datetime(2026, 10, 25, 2, 30, tzinfo=timezone(timedelta(hours=-8))),
    datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
]
_MOMENTS = [moment.replace(tzinfo=None) for moment in _INSTANTS]
_TEXTS = [
    "",
    " ",
    "trailing  ",
    "\tleading\n\r\n",
    "'quotes\" \\ back; -- % {} $1 :x ?",
    "Zoë ẞ İ",
    "😀👩‍👩‍👧",
    "e\u0301",
    "\x01\x1f\x7f\u2028\ufeff\ufffd",
    "\U0010ffff",
]
_JSON = [
    "{}",
    "[]",
    '"text"',
    "null",
    '{"a": [1, 2.5, -3e10, true, null, "😀 \\" \\\\ \\n"], "": {"b": {}}}',
    '{"big": 12345678901234567890, "small": 0.1}',
]

#: A name, the column's type, and values; every case has a NULL besides.
CASES: Sequence[tuple[str, pa.Field, Sequence[Any]]] = (
    ("boolean", pa.field("v", pa.bool_()), [True, False]),
    *(
        (
            f"{sign}int{bits}",
            pa.field("v", getattr(pa, f"{sign}int{bits}")()),
            [low, 0, 1, high],
        )
        for bits in (8, 16, 32, 64)
        for sign, low, high in (
            ("", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1),
            ("u", 0, 2**bits - 1),
        )
    ),
    (
        "double",
        pa.field("v", pa.float64()),
        [0.0, 0.1, -1.5, 1 / 3, 5e-324, 1.7976931348623157e308, -1.7976931348623157e308],
    ),
    ("float", pa.field("v", pa.float32()), [0.0, 0.5, -1.5, 3.4028234663852886e38, 2.0**-126]),
    ("decimal(38,9)", pa.field("v", pa.decimal128(38, 9)), [_DIGITS, -_DIGITS, Decimal("1E-9")]),
    ("decimal(38,0)", pa.field("v", pa.decimal128(38)), [Decimal("9" * 38), Decimal(0)]),
    ("decimal(38,38)", pa.field("v", pa.decimal128(38, 38)), [Decimal("1E-38"), Decimal("-.5")]),
    ("decimal(5,2)", pa.field("v", pa.decimal128(5, 2)), [Decimal("999.99"), Decimal("-0.01")]),
    ("text", pa.field("v", pa.string()), _TEXTS),
    ("text of a size", field_of("v", pa.string(), size=40), [*_TEXTS, "x" * 40, "😀" * 40]),
    ("large text", pa.field("v", pa.large_string()), _TEXTS),
    ("4 MB of text", pa.field("v", pa.string()), ["é" * 2**21, "x" * 2**22]),
    ("json", field_of("v", pa.string(), json=True), _JSON),
    ("4 MB of json", field_of("v", pa.string(), json=True), ['["' + "é" * 2**21 + '"]']),
    ("binary", pa.field("v", pa.binary()), [b"", b"\0", bytes(range(256)), b"\xff" * 2**20]),
    ("large binary", pa.field("v", pa.large_binary()), [b"", b"\0\1"]),
    ("date", pa.field("v", pa.date32()), [date.min, date(1970, 1, 1), date(2024, 2, 29), date.max]),
    ("date in ms", pa.field("v", pa.date64()), [date.min, date(2024, 2, 29), date.max]),
    ("time", pa.field("v", pa.time64("us")), [time.min, time(12, 30, 15, 123456), time.max]),
    ("time in s", pa.field("v", pa.time32("s")), [time.min, time(23, 59, 59)]),
    ("instant", pa.field("v", pa.timestamp("us", tz="UTC")), _INSTANTS),
    ("instant elsewhere", pa.field("v", pa.timestamp("us", tz="+05:45")), _INSTANTS[1:-1]),
    (
        "instant in s",
        pa.field("v", pa.timestamp("s", tz="UTC")),
        [i.replace(microsecond=0) for i in _INSTANTS],
    ),
    ("date and time", pa.field("v", pa.timestamp("us")), _MOMENTS),
    (
        "date and time in ms",
        pa.field("v", pa.timestamp("ms")),
        [m.replace(microsecond=123000) for m in _MOMENTS],
    ),
)
#: No database here has a type that holds every value of these.
REFUSED = (pa.duration("us"), pa.list_(pa.int64()), pa.struct([("a", pa.int64())]))
#: Types that few databases have, each with values that no narrower type holds.
RARE: tuple[tuple[pa.DataType, list[Any]], ...] = (
    (pa.timestamp("ns"), [1_767_225_600_123_456_789, None, -1]),
    (pa.decimal256(76, 9), [Decimal("9" * 67 + ".123456789"), None, Decimal(0)]),
)


def _trial(field: pa.Field, target: str = "Values") -> Trial:
    schema = pa.schema([("id", pa.int64()), field])
    return Trial(task=task(target, commit_rows=1000), schema=schema, version=None)


def _rows(values: Sequence[Any]) -> list[dict[str, Any]]:
    return [{"id": i, "v": value} for i, value in enumerate([*values, None])]


def _came_back(sent: object, found: object) -> bool:
    if isinstance(sent, time) and isinstance(found, str):
        return time.fromisoformat(found) == sent
    if isinstance(sent, float) and math.isnan(sent):
        return isinstance(found, float) and math.isnan(found)
    return found == sent and isinstance(found, bool) == isinstance(sent, bool)


async def _check(destination: Destination, trial: Trial, sent: Sequence[dict[str, Any]]) -> None:
    """Check that the target holds just these rows, JSON compared by what it says."""
    found = {r["id"]: r["v"] for r in (await table(destination, trial.task)).to_pylist()}
    assert found.keys() == {row["id"] for row in sent}
    json_text = is_json(trial.schema.field("v"))
    for row in sent:
        wanted, got = row["v"], found[row["id"]]
        if json_text and wanted is not None:
            wanted, got = json.loads(wanted), json.loads(got)
        if isinstance(wanted, datetime) and wanted.tzinfo and not destination.traits.instants:
            wanted = wanted.astimezone(UTC).replace(tzinfo=None)
        assert _came_back(wanted, got), (wanted, got)


@pytest.mark.asyncio
class TypesConformance:
    """Values of every type, through staging into the target and back."""

    @pytest.mark.parametrize(("field", "values"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
    async def test_values_come_back(
        self, destination: Destination, field: pa.Field, values: Sequence[Any]
    ) -> None:
        """Equal values come back, of rows that are inserted and of rows that are updated."""
        trial = _trial(field)
        sent = _rows(values)
        await trial.run(destination, trial.rows(sent, size=100))
        await _check(destination, trial, sent)
        turned = [{"id": r["id"], "v": o["v"]} for r, o in zip(sent, sent[::-1], strict=True)]
        await trial.run(destination, trial.rows(turned, at=2000, size=100))
        await _check(destination, trial, turned)

    async def test_numbers_that_are_none(self, destination: Destination) -> None:
        """NaN and the infinities are kept, or refused by a database that has none."""
        trial = _trial(pa.field("v", pa.float64()))
        sent = _rows([math.nan, math.inf, -math.inf])
        if not destination.traits.non_finite:
            with pytest.raises(RecordRefused, match="'v'"):
                await trial.run(destination, trial.rows(sent, size=100))
            return
        await trial.run(destination, trial.rows(sent, size=100))
        await _check(destination, trial, sent)
        again = await trial.run(destination, trial.rows(sent, at=1000, size=100), full=True)
        assert again.result.updated == 0

    async def test_the_character_nul(self, destination: Destination) -> None:
        """Text with NUL is kept whole, or the row is refused with the column's name."""
        trial = _trial(pa.field("v", pa.string()))
        sent = _rows(["plain", "a\0b", "\0"])
        if destination.traits.nul_in_text:
            await trial.run(destination, trial.rows(sent, size=100))
            await _check(destination, trial, sent)
            return
        with pytest.raises(RecordRefused, match="'v'") as refused:
            await trial.run(destination, trial.rows(sent, size=100))
        assert refused.value.hint
        assert await contents(destination, trial.task) == []
        kept = trial.but(task=task("Values", rejects=True, commit_rows=1000))
        outcome = await kept.run(destination, trial.rows(sent, size=100))
        assert outcome.result.rejected == 2
        await _check(destination, trial, [sent[0], sent[3]])

    @pytest.mark.parametrize("type_", REFUSED, ids=str)
    async def test_types_without_a_home_are_refused(
        self, destination: Destination, type_: pa.DataType
    ) -> None:
        """A type that the database cannot hold whole is an error before any row is written."""
        trial = _trial(pa.field("v", type_))
        with pytest.raises(SchemaRefused, match="'v'"):
            await trial.run(destination, trial.rows([{"id": 1, "v": None}]))
        assert await contents(destination, trial.task) == []

    @pytest.mark.parametrize(("type_", "values"), RARE, ids=[str(type_) for type_, _ in RARE])
    async def test_rare_types_are_kept_whole_or_refused(
        self, destination: Destination, type_: pa.DataType, values: list[Any]
    ) -> None:
        """A type that some databases have and others do not: the values as they are, or none."""
        trial = _trial(pa.field("v", type_))
        rows = [{"id": n, "v": value} for n, value in enumerate(values)]
        try:
            await trial.run(destination, trial.rows(rows, size=10))
        except SchemaRefused as refused:
            assert "'v'" in str(refused)  # noqa: PT017 (either is right)
            assert await contents(destination, trial.task) == []
            return
        found = (await table(destination, trial.task)).sort_by("id").column("v")
        assert found.cast(type_).combine_chunks().equals(pa.array(values, type_))

    async def test_all_types_together(self, destination: Destination) -> None:
        """Every value of every type again: neither the schema nor a row is altered."""
        cases = [case for case in CASES if not case[0].startswith("4 MB")]
        fields = [case[1].with_name(f"c{i}") for i, case in enumerate(cases)]
        schema = pa.schema([("id", pa.int64()), *fields])
        rows: list[dict[str, Any]] = [
            {"id": n} | {f.name: c[2][n % len(c[2])] for f, c in zip(fields, cases, strict=True)}
            for n in range(max(len(case[2]) for case in cases))
        ]
        trial = Trial(task=task("Wide", commit_rows=1000), schema=schema, version=None)
        await trial.run(destination, trial.rows(rows))
        again = await trial.run(destination, trial.rows(rows, at=100), full=True)
        assert (again.result.inserted, again.result.updated, again.result.deleted) == (0, 0, 0)
        assert not [e for e in again.events if isinstance(e, Evolved)]
        found = await table(destination, trial.task)
        assert found.num_rows == len(rows)
        assert set(found.schema.names) == set(schema.names)

    async def test_key_types(self, destination: Destination) -> None:
        """Keys of text, dates and numbers together find their rows, case and accents included."""
        schema = pa.schema(
            [
                field_of("code", pa.string(), size=18),
                ("day", pa.date32()),
                ("amount", pa.decimal128(18, 4)),
                ("v", pa.int64()),
            ]
        )
        trial = Trial(
            task=task("Keyed"), schema=schema, key=("code", "day", "amount"), version=None
        )
        rows: list[dict[str, Any]] = [
            {"code": code, "day": date(2026, 1, day), "amount": Decimal("1.5"), "v": 1}
            for code in ("AbC", "aBc", "É", "e\u0301", "E", "'")
            for day in (1, 2)
        ]
        await trial.run(destination, trial.rows(rows))
        changed = [row | {"v": 2} for row in rows[::2]]
        result = (await trial.run(destination, trial.rows(changed, at=100))).result
        found = await contents(destination, trial.task)
        assert len(found) == len(rows)
        assert sum(row["v"] for row in found) == len(rows) + len(changed)
        assert result.updated == len(changed)
