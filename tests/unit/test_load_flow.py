"""Which texts fit a column of an existing table: databases count differently."""

from datetime import datetime
from fractions import Fraction

import pyarrow as pa
import pytest

from syncline.errors import RecordRefused
from syncline.load.flow import fit
from syncline.load.mapping import Pair
from syncline.model.job import Flow, RowErrors
from syncline.model.steps import stepped, told_step
from syncline.model.table import field_of


@pytest.mark.parametrize(
    ("utf16", "text", "fits"),
    [
        (False, "😀" * 5, True),
        (False, "é" * 6, False),
        (True, "😀" * 2 + "x", True),
        (True, "😀" * 3, False),
        (True, "é" * 5, True),
    ],
)
def test_texts_are_measured_as_the_database_does(text: str, *, utf16: bool, fits: bool) -> None:
    source, target = pa.field("v", pa.string()), field_of("v", pa.string(), size=5, utf16=utf16)
    rows = pa.RecordBatch.from_pydict({"v": [text, None, "ok"]})
    pairs = [Pair(source=source, target=target)]
    kept, rejects = fit(rows, pairs, Flow(on_truncation=RowErrors.REDIRECT))
    assert kept.column("v").to_pylist() == ([text] if fits else []) + [None, "ok"]
    assert [r.reason for r in rejects] == ([] if fits else ["longer than 5"])
    if not fits:
        with pytest.raises(RecordRefused, match="longer than 5"):
            fit(rows, pairs, Flow())


@pytest.mark.parametrize(
    ("unit", "step", "moment", "fits"),
    [
        ("ms", Fraction(10, 3), "2026-01-01 00:00:00.003", True),
        ("ms", Fraction(10, 3), "2026-01-01 00:00:00.007", True),
        ("ms", Fraction(10, 3), "2026-01-01 00:00:00.010", True),
        ("ms", Fraction(10, 3), "2026-01-01 00:00:00.004", False),
        ("ms", Fraction(10, 3), "1899-12-31 23:59:59.997", True),
        ("ms", Fraction(10, 3), "1899-12-31 23:59:59.999", False),
        ("s", Fraction(60), "1965-01-01 00:01:00", True),
        ("s", Fraction(60), "2026-01-01 00:01:01", False),
        ("us", Fraction(100), "1965-01-01 00:01:00.000100", True),
        ("us", Fraction(100), "1965-01-01 00:01:00.000101", False),
        ("us", Fraction(1), "1965-01-01 00:01:00.000101", True),
    ],
)
def test_moments_fit_the_steps_of_a_column(
    unit: str, step: Fraction, moment: str, *, fits: bool
) -> None:
    source = pa.field("v", pa.timestamp("us"))
    target = stepped(pa.field("v", pa.timestamp(unit)), step)
    rows = pa.record_batch([pa.array([datetime.fromisoformat(moment), None])], ["v"])
    pair = Pair(source=source, target=target)
    kept, rejects = fit(rows, [pair], Flow(on_error=RowErrors.REDIRECT))
    assert (kept.num_rows, len(rejects)) == ((2, 0) if fits else (1, 1))
    assert ("may not fit" in str(pair)) == (unit != "us" or step > 1)


def test_steps_are_told_in_seconds() -> None:
    told = [
        told_step(stepped(pa.field("v", pa.timestamp(unit)), step))
        for unit, step in (("ms", Fraction(10, 3)), ("s", Fraction(60)), ("us", Fraction(100)))
    ]
    assert told == ["steps of 1/300 s", "steps of 60 s", "steps of 0.0001 s"]


@pytest.mark.parametrize(
    ("type_", "values", "fits"),
    [
        (pa.float64(), [1.5, float("nan"), float("inf"), None], True),
        (pa.float64(), [0.1, 1.1, 99999.5, -1e-5], True),
        (pa.float64(), [1 / 3], False),
        (pa.float64(), [12345678.91], False),
        (pa.float64(), [1e300], False),
        (pa.decimal128(10, 2), ["1.25", "0.10", None], True),
        (pa.decimal128(10, 2), ["12345678.91"], False),
    ],
)
def test_numbers_are_not_rounded(type_: pa.DataType, values: list[object], *, fits: bool) -> None:
    column = pa.array(values, pa.string() if type_.id == pa.decimal128(1).id else type_)
    rows = pa.record_batch([column.cast(type_)], ["v"])
    pair = Pair(source=pa.field("v", type_), target=pa.field("v", pa.float32()))
    kept, rejects = fit(rows, [pair], Flow(on_error=RowErrors.REDIRECT))
    assert len(rejects) == (0 if fits else len(values))
    assert kept.num_rows + len(rejects) == len(values)
