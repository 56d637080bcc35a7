"""Errors of queries point at the word that is wrong, however long its line is."""

import pytest

from syncline.query.pointing import refusing


@pytest.mark.parametrize("before", ["", "a, ", "aaaaaaaa, " * 300])
@pytest.mark.parametrize("after", ["", ", b", ", bbbbbbbb" * 300])
def test_the_caret_stands_below_the_word(before: str, after: str) -> None:
    first = "SELECT x\nFROM t WHERE "
    start = len(first + before)
    error = refusing(f"{first}{before}wrong{after}")("no such column", (start, start + 4))
    message, number, line, carets = str(error).split("\n")
    assert (message, number) == ("no such column", "line 2:")
    assert line[carets.index("^") :].startswith("wrong")
    assert carets.count("^") == 5
    assert len(line) < 180
    assert line.startswith("  …") == (len(before) > 160)
    assert line.endswith("…") == (len(after) > 160)
