"""What people are asked for: fields from the models, connection strings there and back."""

import pytest

from syncline.control.forms import connection_string, fields_of, offers
from syncline.control.properties import parse_pairs
from syncline.control.sealing import flattened


@pytest.mark.parametrize(
    "properties",
    [
        {"Server": "db", "Password": 'it\'s; "odd"', "Database": "x=y"},
        {"Profile": "clicktime", "ProfileSettings.APIKey": "a;b", "ProfileSettings.BaseURL": "h"},
    ],
)
def test_a_connection_string_says_the_same(properties: dict[str, str]) -> None:
    type_ = "api" if "Profile" in properties else "sqlserver"
    text = connection_string(properties)
    assert flattened(type_, parse_pairs(text)) == properties


def test_every_offer_has_fields_and_secrets_are_secret() -> None:
    for offer in offers():
        fields = fields_of(offer.type, offer.profile)
        assert fields, offer
        assert all(field.label for field in fields)
    by_name = {field.name: field for field in fields_of("api", "clio")}
    assert by_name["OAuthClientSecret"].kind == "secret"
    assert by_name["ProfileSettings.Region"].choices[0] == "app.clio.com"
    assert by_name["ProfileSettings.BaseURL"].advanced
