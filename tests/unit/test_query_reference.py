"""The reference of SQL names every function that has a meaning of its own here, or is refused."""

import re
from pathlib import Path

from syncline.query import formats, temporal, texts
from syncline.query.dialect import OWN
from syncline.query.wordings import REFUSED, WORDINGS

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "sql.md"


def test_every_function_is_in_the_reference() -> None:
    text = PAGE.read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z_0-9]+)`", text))
    built = {*temporal.BUILDERS, *formats.BUILDERS, *texts.BUILDERS}
    known = {name.removeprefix(OWN) for name in built | {name for name, _ in WORDINGS}}
    assert known | set(REFUSED) <= named
    refused = set(re.findall(r"`([A-Z_0-9]+)`", text.partition("Refused,")[2].partition("##")[0]))
    assert refused == set(REFUSED)
