"""Records that are members of an object, or lists of values."""

import json

import pytest

from syncline.errors import ResponseRefused
from syncline.extract.bodies import Unreadable
from syncline.extract.reshape import reshaped


def reshape(answer: str, records: str, body: str) -> str:
    made = reshaped(answer, records)
    assert made is not None
    return made(body.encode()).decode()


@pytest.mark.parametrize("answer", ["list", "one", "either"])
def test_records_that_are_a_list_of_objects_stay(answer: str) -> None:
    assert reshaped(answer, "records") is None


def test_members_of_an_object_are_records() -> None:
    body = '{"pages": {"7": {"id": 7, "title": "Dune"}, "8": { }}, "next": null}'
    found = json.loads(reshape("keyed", "pages", body))
    assert found == {
        "pages": [{"@key": "7", "id": 7, "title": "Dune"}, {"@key": "8"}],
        "next": None,
    }


def test_members_that_are_no_objects_have_a_value() -> None:
    body = '{"USD": 1.10, "EUR": null, "x": [1]}'
    found = reshape("keyed", "", body)
    assert '"@value":1.10' in found  # digits stay as they were written
    assert json.loads(found) == [
        {"@key": "USD", "@value": 1.1},
        {"@key": "EUR", "@value": None},
        {"@key": "x", "@value": [1]},
    ]


def test_lists_of_values_have_members_by_place() -> None:
    body = '{"data": {"rows": [["a", 1.50, {"x": 1}], []]}}'
    found = reshape("rows", "data.rows", body)
    assert "1.50" in found
    assert json.loads(found)["data"]["rows"] == [{"0": "a", "1": 1.5, "2": {"x": 1}}, {}]


@pytest.mark.parametrize(
    ("answer", "body"), [("keyed", '{"other": 1}'), ("keyed", "[1]"), ("rows", "3")]
)
def test_where_nothing_is_the_decoder_says_so(answer: str, body: str) -> None:
    assert json.loads(reshape(answer, "records", body)) == json.loads(body)


@pytest.mark.parametrize(
    ("answer", "body", "said"),
    [
        ("keyed", '{"records": [1]}', "no object of records at 'records'"),
        ("keyed", '{"records": [{"a": 1}]}', "no object of records"),
        ("keyed", '{"records": null}', "no object of records"),
        ("rows", '{"records": {"a": 1}}', "no list of lists at 'records'"),
        ("rows", '{"records": [{"a": 1}]}', "no list of lists"),
    ],
)
def test_what_is_something_else_is_refused(answer: str, body: str, said: str) -> None:
    with pytest.raises(ResponseRefused, match=said):
        reshape(answer, "records", body)


@pytest.mark.parametrize("empty", ["{}", "[]", "[ ]"])
def test_there_may_be_no_members(empty: str) -> None:
    assert json.loads(reshape("keyed", "", empty)) == []


def test_what_is_no_json_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        reshape("keyed", "records", '{"records": {"a": ')
