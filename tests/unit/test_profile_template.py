"""Templates of profiles."""

import pytest

from syncline.errors import ProfileError
from syncline.profile.template import fill, places


def test_places_are_names_in_braces() -> None:
    assert places("https://{Region}/v4/{parent.id}/{Region}") == ("Region", "parent.id", "Region")
    assert places("a{}b{1}c{a-b}d{a.b.c}{") == ()


def test_fill_puts_values_in() -> None:
    values = {"Region": "eu.example.com", "parent.id": "7"}
    assert fill("https://{Region}/{parent.id}", values) == "https://eu.example.com/7"


def test_values_are_no_templates() -> None:
    assert fill("{a}{b}", {"a": "{b}", "b": "\\1"}) == "{b}\\1"


def test_other_braces_stay() -> None:
    assert fill('{"a": {1}}', {}) == '{"a": {1}}'


def test_a_name_without_value_is_refused() -> None:
    with pytest.raises(ProfileError) as refused:
        fill("https://{Regoin}/", {"Region": "x", "BaseURL": "y"})
    assert str(refused.value) == (
        "the template 'https://{Regoin}/' names {Regoin}, which has no value"
    )
    assert refused.value.hint == "names with a value here: BaseURL, Region"
    with pytest.raises(ProfileError) as refused:
        fill("{a}", {})
    assert refused.value.hint == "names with a value here: none"
