"""Connection properties as the driver gets them, and secrets that stay where they are."""

from dataclasses import replace

import mssql_python
import pytest

from syncline.destinations import sqlserver_connection
from syncline.destinations.sqlserver_connection import Settings, connection_string
from syncline.errors import PropertyError

_SECRET = "p;w}d={x} é"
_SETTINGS = Settings(server="db.example", user="sa", password=_SECRET, database="Law")


def parts(settings: Settings) -> dict[str, str]:
    text = connection_string(settings)
    parsed = mssql_python.connection_string_parser._ConnectionStringParser()._parse(text)
    return dict(parsed)


def test_names_become_the_drivers_and_values_survive_it() -> None:
    assert parts(_SETTINGS) == {
        "server": "db.example",
        "database": "Law",
        "uid": "sa",
        "pwd": _SECRET,
        "encrypt": "yes",
        "trustservercertificate": "no",
        "packetsize": "32767",
        "connectretrycount": "0",
    }


@pytest.mark.parametrize(
    ("server", "port", "address"),
    [
        ("host", 1433, "host,1433"),
        ("host,1444", None, "host,1444"),
        ("host\\sales", None, "host\\sales"),
        ("tcp:host.database.windows.net", 1433, "tcp:host.database.windows.net,1433"),
    ],
)
def test_addresses(server: str, port: int | None, address: str) -> None:
    assert parts(replace(_SETTINGS, server=server, port=port))["server"] == address


def test_encryption_and_trust_are_properties() -> None:
    chosen = parts(replace(_SETTINGS, encrypt="False", trust_server_certificate=True))
    assert (chosen["encrypt"], chosen["trustservercertificate"]) == ("no", "yes")
    assert parts(replace(_SETTINGS, encrypt="Strict"))["encrypt"] == "strict"


def test_other_keywords_of_the_driver_pass_through() -> None:
    options = {"ApplicationIntent": "ReadOnly", "Packet Size": "4096", "ConnectRetryCount": "5"}
    chosen = parts(replace(_SETTINGS, options=options))
    assert (chosen["applicationintent"], chosen["connectretrycount"]) == ("ReadOnly", "5")
    assert chosen["packet size"] == "4096"
    assert "packetsize" not in chosen


def test_schemes_of_azure() -> None:
    principal = parts(replace(_SETTINGS, auth_scheme="AzureServicePrincipal"))
    assert principal["authentication"] == "ActiveDirectoryServicePrincipal"
    assert (principal["uid"], principal["pwd"]) == ("sa", _SECRET)
    machine = parts(Settings(server="h", user="an-identity", auth_scheme="AzureMSI"))
    assert machine["authentication"] == "ActiveDirectoryMSI"
    assert machine["uid"] == "an-identity"
    assert "uid" not in parts(Settings(server="h", auth_scheme="AzureMSI"))
    token = parts(Settings(server="h", auth_scheme="AccessToken", access_token=_SECRET))
    assert not {"uid", "pwd", "authentication"} & token.keys()


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (Settings(server="", user="u", password="p"), "Server is required"),
        (Settings(server="h,1", port=2, user="u", password="p"), "Port is given too"),
        (Settings(server="h", user="u"), "needs the properties User and Password"),
        (Settings(server="h", auth_scheme="AzureServicePrincipal"), "AzureServicePrincipal needs"),
        (Settings(server="h", auth_scheme="AccessToken"), "needs the property AccessToken"),
        (replace(_SETTINGS, options={"PWD": _SECRET}), "keyword PWD cannot be given"),
        (replace(_SETTINGS, options={"Driver": _SECRET}), "keyword Driver cannot be given"),
    ],
)
def test_properties_that_contradict_each_other(settings: Settings, says: str) -> None:
    with pytest.raises(PropertyError, match=says) as refused:
        connection_string(settings)
    assert _SECRET not in str(refused.value) + refused.value.hint


def test_secrets_are_not_shown() -> None:
    shown = repr(replace(_SETTINGS, access_token="a-token"))
    assert _SECRET not in shown
    assert "a-token" not in shown


def test_a_session_has_the_settings_that_indexed_views_and_filtered_indexes_need() -> None:
    """Otherwise a change of a table with one of them is refused with error 1934."""
    text = sqlserver_connection._SESSION.format(lock_timeout=1)
    on = next(part for part in text.split(";") if part.strip().startswith("SET ANSI_NULLS"))
    assert on.rstrip().endswith(" ON")
    for option in (
        "ANSI_NULLS", "ANSI_PADDING", "ANSI_WARNINGS", "ARITHABORT", "CONCAT_NULL_YIELDS_NULL",
        "QUOTED_IDENTIFIER",
    ):  # fmt: skip
        assert option in on
    assert "SET NUMERIC_ROUNDABORT OFF" in text
    assert "SET XACT_ABORT ON" in text
