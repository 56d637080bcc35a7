"""ProfileSettings: defaults that name other settings, choices, unknown names."""

import pytest

from syncline.errors import PropertyError
from syncline.profile.loader import load_profile, parse_profile
from syncline.profile.settings import resolved


def test_defaults_follow_other_settings() -> None:
    clio = load_profile("clio")
    assert resolved(clio, {})["BaseURL"] == "https://app.clio.com"
    assert resolved(clio, {"region": "EU.app.clio.com"})["BaseURL"] == "https://eu.app.clio.com"
    assert resolved(clio, {"BaseURL": "http://x"})["BaseURL"] == "http://x"


def test_a_setting_without_value_is_left_out() -> None:
    assert "APIKey" not in resolved(load_profile("ClickTime"), {})


@pytest.mark.parametrize(
    ("given", "complaint", "hint"),
    [
        ({"Regoin": "x"}, "the profile Clio has no setting 'Regoin'", "did you mean Region?"),
        ({"Zzz": "x"}, "the profile Clio has no setting 'Zzz'", "settings: Region, BaseURL"),
        ({"Region": "mars"}, "Region cannot be 'mars'", "app.clio.com, eu.app.clio.com"),
    ],
)
def test_wrong_settings(given: dict[str, str], complaint: str, hint: str) -> None:
    with pytest.raises(PropertyError) as caught:
        resolved(load_profile("clio"), given)
    assert complaint in str(caught.value)
    assert hint in caught.value.hint


def test_a_secret_setting_is_not_repeated() -> None:
    profile = parse_profile(
        """
name: P
settings: {Key: {secret: true, choices: [a]}}
auth: [{scheme: "None"}]
base_url: http://x
tables: {T: {path: /t, columns: {id: integer}}}
""",
        "p.yaml",
    )
    with pytest.raises(PropertyError) as caught:
        resolved(profile, {"Key": "canary"})
    assert "canary" not in str(caught.value) + caught.value.hint
