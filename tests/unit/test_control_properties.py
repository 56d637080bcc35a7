"""Connection strings and properties: CData's names in any case, and no secret in a complaint."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.control.properties import (
    ApiProperties,
    DuckDBProperties,
    parse_pairs,
    properties_of,
)
from syncline.errors import PropertyError


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("Profile=Clio", {"Profile": "Clio"}),
        (" Profile = Clio ; AuthScheme=OAuth; ", {"Profile": "Clio", "AuthScheme": "OAuth"}),
        (
            "Profile=C;ProfileSettings='Region=eu;Key=a=b';User=x",
            {"Profile": "C", "ProfileSettings": "Region=eu;Key=a=b", "User": "x"},
        ),
        ("Password='it''s;\"here\"'", {"Password": 'it\'s;"here"'}),
        ('Password="a""b"', {"Password": 'a"b'}),
        ("Empty=;Next=1", {"Empty": "", "Next": "1"}),
        ("", {}),
    ],
)
def test_connection_strings(text: str, pairs: dict[str, str]) -> None:
    assert parse_pairs(text) == pairs


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Profile", "expected name=value after 0 pair(s)"),
        ("A=1;B;C=2", "expected name=value after 1 pair(s)"),
        ("A=1;a=2", "a is given twice"),
        ("Password='secret", "the quote of Password is not closed"),
        ("Password='a'secret;B=1", "expected a semicolon after the value of Password"),
    ],
)
def test_malformed_connection_strings(text: str, complaint: str) -> None:
    with pytest.raises(PropertyError) as caught:
        parse_pairs(text)
    assert complaint in str(caught.value)
    assert "secret" not in str(caught.value) + caught.value.hint


@given(
    st.dictionaries(
        st.text(st.characters(categories=["Ll", "Nd"]), min_size=1, max_size=8),
        st.text(max_size=20),
        max_size=5,
    )
)
def test_quoted_values_come_back(pairs: dict[str, str]) -> None:
    text = ";".join(f"""{k}='{v.replace("'", "''")}'""" for k, v in pairs.items())
    assert parse_pairs(text) == pairs


def test_names_in_any_case() -> None:
    given_ = properties_of(ApiProperties, {"profile": "Clio", "OAUTHCLIENTID": "x"})
    assert (given_.profile, given_.oauth_client_id) == ("Clio", "x")


def test_settings_from_text_or_mapping() -> None:
    text = properties_of(ApiProperties, {"Profile": "p", "ProfileSettings": "A=1;B='x;y'"})
    mapping = properties_of(
        ApiProperties, {"Profile": "p", "ProfileSettings": {"A": 1, "B": "x;y"}}
    )
    assert text.settings == mapping.settings == {"A": "1", "B": "x;y"}


@pytest.mark.parametrize(
    ("model", "given_", "complaint", "hint"),
    [
        (ApiProperties, {}, "the property Profile is required, but missing", ""),
        (
            ApiProperties,
            {"Profile": "x", "OAuthClientld": "x"},
            "unknown property 'OAuthClientld'",
            "did you mean OAuthClientId?",
        ),
        (DuckDBProperties, {"Database": "a", "database": "b"}, "Database is given twice", ""),
        (
            DuckDBProperties,
            {"Database": "a", "Threads": "many"},
            "the property Threads: input should be a valid integer",
            "",
        ),
        (
            ApiProperties,
            {"Profile": "x", "InitiateOAuth": "PLEASE"},
            "the property InitiateOAuth: input should be 'OFF', 'GETANDREFRESH' or 'REFRESH'",
            "",
        ),
    ],
)
def test_wrong_properties(
    model: type[ApiProperties], given_: dict[str, object], complaint: str, hint: str
) -> None:
    with pytest.raises(PropertyError) as caught:
        properties_of(model, given_)
    assert complaint in str(caught.value)
    assert hint in caught.value.hint


def test_secrets_are_not_shown() -> None:
    given_ = properties_of(
        ApiProperties, {"Profile": "x", "Password": "canary", "OAuthClientSecret": "canary"}
    )
    assert "canary" not in repr(given_) + str(given_) + given_.model_dump_json()
