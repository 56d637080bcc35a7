"""Which texts fit a column of an existing table: databases count differently."""

import pyarrow as pa
import pytest

from syncline.errors import RecordRefused
from syncline.load.flow import fit
from syncline.load.mapping import Pair
from syncline.model.job import Flow, RowErrors
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
