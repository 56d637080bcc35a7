"""Where parameters go in a body."""

import json
from typing import Any

import pytest

from standins.pointing import without_lines
from syncline.errors import ProfileError
from syncline.extract.posted import body_of, posted
from syncline.profile.loader import parse_profile
from syncline.profile.pagination import LastRecord, Page, Request
from syncline.profile.posting import JsonBody

SEARCH = JsonBody.model_validate(
    {
        "type": "json",
        "content": {
            "filterGroups": [{"filters": [{"operator": "GTE"}, {"operator": "GT", "value": "0"}]}]
        },
        "places": {
            "since": "filterGroups.0.filters.0.value",
            "beyond": "filterGroups.0.filters.1.value",
            "deep": "made.on.the.way",
        },
        "lists": ["properties", "numbers"],
        "plain": ["numbers"],
    }
)


def sent(*parameters: tuple[str, str]) -> Any:
    body = body_of(SEARCH, {}, frozenset())
    _, content = posted(Request(url="https://a.example", parameters=parameters, body=body))
    assert content is not None
    return json.loads(content)


def test_numbers_are_places_in_lists() -> None:
    first = sent(("since", "1700000000000"))
    assert first["filterGroups"] == [
        {
            "filters": [
                {"operator": "GTE", "value": "1700000000000"},
                {"operator": "GT", "value": "0"},
            ]
        }
    ]
    second = sent(("since", "5"), ("beyond", "77"))
    assert [f["value"] for f in second["filterGroups"][0]["filters"]] == ["5", "77"]
    assert sent()["filterGroups"][0]["filters"][0] == {"operator": "GTE"}


def test_objects_on_the_way_are_made() -> None:
    assert sent(("deep", "x"))["made"] == {"on": {"the": {"way": "x"}}}


def test_lists_are_lists_even_with_one_value() -> None:
    assert sent(("properties", "a,b"))["properties"] == ["a", "b"]
    assert sent(("properties", "a"))["properties"] == ["a"]
    assert sent(("properties", "a"), ("properties", "b,c"))["properties"] == ["a", "b", "c"]
    assert sent(("numbers", "1,2"))["numbers"] == [1, 2]


def test_the_last_page_is_the_one_without_something() -> None:
    paging = LastRecord(
        type="last_record", path="id", parameter="beyond", unless_absent="paging.next.after"
    )
    asked = Request(url="https://a.example", parameters=(("since", "1"),))
    assert paging.paths() == ("paging.next.after",)
    known = {"paging.next.after": "2"}
    page = Page(rows=2, size=2, values=known, headers={}, last="42")
    following = paging.next(asked, page)
    assert following is not None
    assert following.get("beyond") == "42"
    assert paging.next(asked, Page(rows=2, size=2, values={}, headers={}, last="42")) is None
    assert paging.next(asked, Page(rows=0, size=2, values=known, headers={})) is None


PROFILE = """\
name: A
auth: [{scheme: None}]
base_url: https://api.example.com
settings: {Key: {secret: true}, Team: {}}
tables:
  T:
    path: /t
    primary_key: [id]
    columns: {id: integer, at: datetime}
    incremental:
      column: at
      parameter: since
      changes:
        path: /t/search
        posting:
          type: json
          content: {groups: [{}]}
          places: {since: groups.0.value}
"""


def test_a_table_may_ask_another_way_for_what_has_changed() -> None:
    table = parse_profile(PROFILE, "a.yaml").tables["T"]
    assert table.incremental is not None
    assert table.incremental.changes is not None


IN_ADDRESS = (
    "'Key' is a secret and would stand in the address; a key that the API wants there belongs "
    "into 'auth', as 'scheme: APIKey'"
)


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        (
            "groups.0.value",
            "groups.1.value",
            "18:27: changes.posting.places.since",
            "'groups.1.value': the content has no place '1' in its list",
        ),
        (
            "groups.0.value",
            "groups.first.value",
            "18:27: changes.posting.places.since",
            "'groups.first.value': the content has no place 'first' in its list",
        ),
        (
            "parameter: since\n",
            "parameter: since\n      start: 2024-01-01\n",
            "13:14: start",
            "it is for tables whose own list is asked by the time",
        ),
        (
            "/t/search",
            "/t/{Teem}",
            "14:15: changes.path",
            "{Teem} has no value here; did you mean 'Team'?",
        ),
        ("/t/search", "/t/{Key}", "14:15: changes.path", IN_ADDRESS),
        (
            "{groups: [{}]}",
            '{groups: [{of: "{Teem}"}]}',
            "17:35: changes.posting.content.groups.0.of",
            "{Teem} has no value here; did you mean 'Team'?",
        ),
    ],
)
def test_what_cannot_be_right_of_it(old: str, new: str, where: str, what: str) -> None:
    assert PROFILE.count(old) == 1
    text = PROFILE.replace(old, new)
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, "a.yaml")
    place = where.replace(": ", ": tables.T.incremental.")
    assert without_lines(str(caught.value), text) == f"a.yaml:{place}: {what}"
