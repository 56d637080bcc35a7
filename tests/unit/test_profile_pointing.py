"""The line of a complaint, and the caret below it."""

import pytest
import yaml

from syncline.errors import ProfileError
from syncline.profile.loader import parse_profile
from syncline.profile.pointing import Spot, pointed, spot_of

HEAD = "name: A\nauth: [{scheme: None}]\nbase_url: https://api.example.com\n"


def said(text: str) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, "a.yaml")
    return str(caught.value).splitlines()


def test_a_contradiction_is_shown_where_it_stands() -> None:
    text = (
        HEAD + "tables:\n  T:\n    path: /t\n    primary_key: [id, idd]\n    columns: {id: date}\n"
    )
    assert said(text) == [
        "a.yaml:7:23: tables.T.primary_key.1: there is no column 'idd'; did you mean 'id'?",
        "    primary_key: [id, idd]",
        "                      ^",
    ]


def test_every_complaint_has_its_line() -> None:
    text = HEAD + "tables:\n  T:\n    path: 3\n    colums: {}\n"
    assert (
        said(text)
        == [
            "a.yaml:5:3: tables.T.columns: required, but missing",
            "  T:",
            "  ^",
            "a.yaml:6:11: tables.T.path: expected a text, found 3; put it in quotes",
            "    path: 3",
            "          ^",
            "a.yaml:7:5: tables.T.colums: unknown key; did you mean 'columns'?",
            "    colums: {}",
            "    ^",
        ][3:]
    )


def test_what_an_alias_stands_for_is_shown_where_the_alias_is() -> None:
    root = yaml.compose("a: &x\n  b: 1\nc: *x\nd: {e: *x}\n")
    assert spot_of(root, ("a", "b")) == Spot(line=2, column=6)
    assert spot_of(root, ("c",)) == Spot(line=3, column=1)
    assert spot_of(root, ("d", "e")) == Spot(line=4, column=5)
    assert spot_of(root, ("d", "e"), key=True) == Spot(line=4, column=5)
    assert spot_of(root, ("nothing",)) == Spot()
    assert spot_of(None, ("a",)) == Spot()


@pytest.mark.parametrize("column", [1, 50, 500, 980, 1001])
def test_of_a_long_line_the_part_around_the_caret_is_shown(column: int) -> None:
    line = "".join(f"{n:04}," for n in range(200))
    shown, caret = pointed([line], Spot(column=column)).splitlines()
    assert len(shown) <= 122
    assert shown[len(caret) - 1 :][:1] == line[column - 1 : column]
    assert shown.startswith("…") == (column > 41)
    assert shown.endswith("…") == (column < 900)


def test_tabs_are_as_wide_below() -> None:
    assert pointed(["a\tb: c"], Spot(column=3)) == "a\tb: c\n \t^"
    assert pointed([], Spot()) == "\n^"
