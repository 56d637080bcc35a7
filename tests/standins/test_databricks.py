"""The stand-in for Databricks, with its quick engine; Spark's turn is in `make test-databricks`."""

from collections.abc import Iterator

import pytest

from standins.databricks.contract import StandInContract
from standins.databricks.fixture import DatabricksServer, running_databricks
from standins.databricks.words import arguments, bare, joined, meaning, statements, words


@pytest.fixture(scope="module")
def server() -> Iterator[DatabricksServer]:
    with running_databricks() as started:
        if started.real:
            pytest.skip("the stand-in is not used")
        yield started


class TestQuick(StandInContract):
    pass


def test_words_are_the_text_again() -> None:
    first, second = "SELECT `a``b`, 'it''s \\'x;' /* ; */ -- ;\nFROM t", 'x => "y;"\t1.5e3 😀'
    text = f"{first}; {second}"
    assert joined(words(text)) == text
    assert statements(text) == [first, second]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("`a``b`", "a`b"),
        ("'it''s'", "it's"),
        (r"'\'\n\\'", "'\n\\"),
        (r"'$\u007bx}\\u007b'", "${x}\\u007b"),
        ('"x"', "x"),
        ("plain", "plain"),
    ],
)
def test_what_a_literal_says(text: str, said: str) -> None:
    assert bare(text) == said


def test_arguments_of_a_call() -> None:
    found = arguments(meaning("'a,b', f(1, 2), x => 'y'"))
    assert [joined(a) for a in found] == ["'a,b'", "f(1,2)", "x=>'y'"]
