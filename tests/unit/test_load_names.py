"""Names of the tables beside a target, and names that a database would not take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.load import names
from syncline.model.job import Task
from syncline.model.ports import Traits

_BYTES = Traits(dialect="postgres", schema="s", max_identifier_length=63, identifier_bytes=True)
_CHARACTERS = Traits(dialect="tsql", schema="s", max_identifier_length=128)
_TASK = Task(id="a task", query="", target="T")


@given(st.text(max_size=300))
def test_a_fitting_name_fits(name: str) -> None:
    by_bytes, by_characters = names.fitting(name, _BYTES), names.fitting(name, _CHARACTERS)
    assert len(by_bytes.encode()) <= 63
    assert len(by_characters) <= 128
    if len(name.encode()) <= 63:
        assert by_bytes == name
    if len(name) <= 128:
        assert by_characters == name


@pytest.mark.parametrize("traits", [_BYTES, _CHARACTERS], ids=["bytes", "characters"])
def test_names_that_begin_alike_stay_apart(traits: Traits) -> None:
    cut = {names.fitting("é" * 200 + end, traits) for end in ("1", "2", "3")}
    assert len(cut) == 3
    assert all(name.startswith("é" * 20) for name in cut)


def test_only_names_that_are_too_long_are_changed() -> None:
    found = names.too_long(["id", "x" * 63, "x" * 64, "é" * 40], _BYTES)
    assert set(found) == {"x" * 64, "é" * 40}
    assert names.too_long(["é" * 40], _CHARACTERS) == {}


def test_a_plain_name_is_none_that_is_read_as_another() -> None:
    traits = Traits(dialect="databricks", schema="s", plain_names=True)
    found = {name: names.target(name, traits) for name in ("a.b", "a b", "a${x}b", "a_{x}b", "$a")}
    assert len(set(found.values())) == 5
    assert found["a${x}b"].startswith("a_{x}b_")
    assert (found["a_{x}b"], found["$a"]) == ("a_{x}b", "$a")


def test_leftovers_are_those_of_the_task() -> None:
    other = Task(id="another task", query="", target="T")
    mine = [
        names.staging(_TASK, "run 1"),
        names.staging(_TASK, "run 2", "reject"),
        names.aside(_TASK, 1),
    ]
    assert len(set(mine)) == 3
    assert all(names.leftover(_TASK, name, 1) and names.ours(name) for name in mine)
    assert not any(names.leftover(other, name, 1) for name in mine)
    assert not any(names.leftover(_TASK, n, 1) for n in ("T", names.LEDGER, "T_rejects"))
    assert all(len(name) <= 63 for name in mine)
    # A run that has taken over collects in a later one.
    assert not names.leftover(_TASK, names.aside(_TASK, 2), 1)
    assert not names.leftover(_TASK, names.aside(_TASK, 2, "run 2"), 1)


def test_reject_tables_of_long_targets_fit() -> None:
    assert names.rejects("T", _BYTES) == "T_rejects"
    assert len(names.rejects("x" * 63, _BYTES)) == 63
    assert names.rejects("x" * 63, _BYTES) != names.rejects("x" * 64, _BYTES)


@pytest.mark.parametrize(
    ("name", "ours"), [("_syncline_new_1", True), ("_SYNCLINE", True), ("syncline", False)]
)
def test_names_that_only_we_use(name: str, *, ours: bool) -> None:
    assert names.ours(name) is ours
