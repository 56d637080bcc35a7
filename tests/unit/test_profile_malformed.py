"""Text that is no YAML is told with line, column and caret, and what to do about it."""

import pytest

from syncline.errors import ProfileError, ProjectError
from syncline.profile.loader import parse, parse_profile
from syncline.profile.schema import Profile

_QUOTES = "a text that begins with @ ` % * & or ! must be in quotes"


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("name: A\nauth:\n\t- {scheme: None}\n", "3:1", "tabs do not indent in YAML: use spaces"),
        (
            'name: A\ntitle: "Items\ntables: {}\n',
            "3:11",
            "the quote that opens in line 2 may not be closed",
        ),
        (
            "name: A\ntables:\n  Items: {path: [}\n",
            "3:18",
            "the bracket or brace that opens in line 3 may not be closed",
        ),
        (
            "name: A\ntables: {Items: {path: /items\n",
            "2:30",
            "the bracket or brace that opens in line 2 may not be closed",
        ),
        (
            "name: A\ntables:\n    A:\n      path: /a\n   B:\n      path: /b\n",
            "5:4",
            "check the indentation and the quotes around this place",
        ),
        (
            "name: A\ntitle: Books: all\n",
            "2:13",
            "a text with a colon and a space in it must be in quotes",
        ),
        ("name:A\ntitle: B\n", "2:6", "write a space after the colon in line 1"),
        (
            "name: A\nbase_url: {BaseURL}/v1\n",
            "2:20",
            "a text that begins with { must be in quotes, else it is a mapping",
        ),
        ("name: A\ntitle: @home\n", "2:8", _QUOTES),
        ("name: A\ntitle: %d\n", "2:8", _QUOTES),
        ("name: A\ntitle: *all\n", "2:8", _QUOTES),
        (
            "name: A\n---\nname: B\n",
            "2:1",
            "a file holds one document: take away what begins with ---",
        ),
        ("name: A\ntitle: !x y\n", "2:8", "a text that begins with ! must be in quotes"),
    ],
)
def test_malformed_yaml(text: str, place: str, hint: str) -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile(text, "a.yaml")
    first, line, caret = str(refused.value).splitlines()
    number, column = (int(part) for part in place.split(":"))
    assert first.startswith(f"a.yaml:{place}: ")
    assert line == text.splitlines()[number - 1]
    assert caret.replace("\t", " ") == " " * (column - 1) + "^"
    assert refused.value.hint == hint


def test_a_character_that_yaml_does_not_allow() -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile("name: A\ntitle: é\x01\n", "a.yaml")
    assert str(refused.value).startswith("a.yaml:2:9: not YAML: ")
    assert refused.value.hint == "take the character away"


@pytest.mark.parametrize(
    "text",
    ["password: @hidden\n", "password: *hidden\n", 'password: "hidden\n', "password: {hidden}x\n"],
)
def test_hints_show_nothing_of_files_with_secrets(text: str) -> None:
    with pytest.raises(ProjectError) as refused:
        parse(text, "a.yaml", Profile, ProjectError)
    assert "hidden" not in str(refused.value) + refused.value.hint
