"""Requests that cannot be right are refused with their place; what may be is only noted."""

import re

import pytest

from syncline.errors import ProfileError
from syncline.profile.loader import bundled_profiles, load_profile, parse_profile
from syncline.profile.notes import notes

SOUND = """\
name: A
settings:
  Key: {secret: true}
  Account: {default: main}
  Hidden: {default: "x-{Key}"}
  BaseURL: {default: "https://a.example.com"}
auth: [{scheme: Token, value: "Token {Key}"}]
base_url: "{BaseURL}/v1"
defaults:
  records: data
  pagination: {type: token, path: next, parameter: cursor}
  page: {parameter: limit, size: 50}
  projection: {parameter: fields}
  parameters: {account: "{Account}"}
tables:
  Items:
    path: /items
    parameters: {sort: id}
    primary_key: [id]
    incremental: {column: updated_at, parameter: since}
    columns: {id: integer, kind: string, updated_at: datetime, tags: json}
    filters:
      kind: {parameter: kind}
  Kinds:
    path: /kinds
    primary_key: [id]
    pagination: {type: offset, parameter: page}
    fan_out: {parameter: of, values: [a, b], into: of}
    columns: {id: integer}
"""


def test_a_sound_profile_has_no_conflicts_and_no_notes() -> None:
    assert list(notes(parse_profile(SOUND, "a.yaml"))) == []


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "path: /items",
            'path: "/items/{Key}"',
            "17: tables.Items.path: 'Key' is a secret and would stand in the address",
        ),
        (
            "sort: id",
            'key: "{Hidden}"',
            "18: tables.Items.parameters.key: 'Hidden' is a secret and would stand in the address",
        ),
        (
            '"{Account}"',
            '"{Password}"',
            "14: defaults.parameters.account: 'Password' is a secret",
        ),
        (
            '"{BaseURL}/v1"',
            '"https://{Key}@a.example.com"',
            "8: base_url: 'Key' is a secret",
        ),
        (
            "values: [a, b]",
            "setting: Hidden",
            "28: tables.Kinds.fan_out.setting: 'Hidden' is a secret and would stand in the address",
        ),
        (
            "sort: id}\n",
            'key: "{Key}"}\n    posting: {type: form, in_address: [key]}\n',
            "18: tables.Items.parameters.key: 'Key' is a secret and would stand in the address",
        ),
        (
            "auth: [{",
            'auth: [{scheme: OAuth, authorize_url: "https://a/{Key}", token_url: https://a}, {',
            "7: auth.0.authorize_url: 'Key' is a secret and would stand in the address",
        ),
        (
            "kind: string",
            'kind: {type: string, value: "{Hidden}"}',
            "21: tables.Items.columns.kind.value: 'Hidden' is a secret and would stand in every",
        ),
        (
            "path: /items",
            "path: /items\n    answer: keyed\n    format: {type: csv}",
            "18: tables.Items.answer: 'keyed' is for JSON, and answers are csv",
        ),
        (
            "parameter: cursor",
            "parameter: limit",
            "16: tables.Items: 'limit' turns the page, and sets the size of a page: no walk",
        ),
        (
            "parameter: page}",
            "parameter: of}",
            "27: tables.Kinds.pagination: 'of' turns the page, and takes the value of each walk",
        ),
        (
            "parameter: since",
            "parameter: cursor",
            "20: tables.Items.incremental.parameter: 'cursor' turns the page already",
        ),
        (
            "kind: {parameter: kind}",
            "kind: {parameter: cursor}",
            "23: tables.Items.filters.kind: it is never sent: 'cursor' turns the page",
        ),
        (
            "kind: {parameter: kind}",
            "kind: {parameter: fields}",
            "23: tables.Items.filters.kind: it is never sent: 'fields' names the fields wanted",
        ),
        (
            "path: next",
            "path: data.next",
            (
                "16: tables.Items: there is no 'data.next', as that is within the list "
                "of records: the first"
            ),
        ),
        (
            "    path: /items\n",
            '    path: /items\n    records: ""\n',
            (
                "16: tables.Items: there is no 'next', as the body itself is the list "
                "of records: the first"
            ),
        ),
    ],
)
def test_conflicts_are_refused(old: str, new: str, said: str) -> None:
    assert SOUND.count(old) == 1, old
    with pytest.raises(ProfileError) as refused:
        parse_profile(SOUND.replace(old, new), "a.yaml")
    line, _, about = said.partition(": ")
    assert re.search(rf"^a\.yaml:{line}:\d+: {re.escape(about)}", str(refused.value), re.MULTILINE)


def test_a_key_that_the_api_wants_in_the_address_is_auth() -> None:
    text = SOUND.replace(
        '{scheme: Token, value: "Token {Key}"}', '{scheme: APIKey, value: "{Key}"}'
    )
    assert list(notes(parse_profile(text, "a.yaml"))) == []


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        ("Account: {default: main}", "ApiKey: {}\n  Account: {default: main}", "settings.ApiKey",
         "sounds like a secret"),
        ("https://a.", "http://a.", "base_url", "go over http"),
        ("defaults:\n", "headers: {Authorization: Bearer abc}\ndefaults:\n",
         "headers.Authorization", "a secret in a profile is no secret"),
        ("type: offset, parameter: page", "type: none", "tables.Kinds",
         "only the first one is read"),
        ("    primary_key: [id]\n    incr", "    incr", "tables.Items", "comes as new rows"),
        ("    primary_key: [id]\n    pag", "    pag", "tables.Kinds", "cannot merge"),
        ("    incremental: {column: updated_at, parameter: since}\n", "", "tables.Items",
         "'updated_at' may tell what has changed"),
        ("kind: {parameter: kind}", "tags: {parameter: tag}", "tables.Items.filters.tags",
         "no query compares that"),
        ("sort: id", "api_key: abc", "tables.Items.parameters.api_key",
         "a secret in a profile is no secret"),
        ("type: offset, parameter: page", "type: page_number, parameter: page",
         "tables.Kinds.pagination", "pages are numbered (Kinds): a row that moves"),
        ("fan_out: {", "page: {size: 10}\n    fan_out: {", "tables.Kinds.page",
         "a page of less than 10 records is held to be the last"),
        ("kind: {parameter: kind}",
         "kind: {parameter: kind}\n      id: {parameter: kind}", "tables.Items.filters.id",
         "the API cannot tell the two apart"),
    ],
)  # fmt: skip
def test_notes(old: str, new: str, place: str, said: str) -> None:
    assert SOUND.count(old) == 1, old
    (note,) = notes(parse_profile(SOUND.replace(old, new), "a.yaml"))
    assert ".".join(note[0]) == place
    assert said in note[1]


def test_offsets_without_a_key_are_noted() -> None:
    text = SOUND.replace("    primary_key: [id]\n    pag", "    pag")
    (note,) = notes(parse_profile(text, "a.yaml"))
    assert "nobody notices rows that move" in note[1]


def test_a_boolean_is_not_asked_for_by_order() -> None:
    text = SOUND.replace("kind: string", "kind: boolean").replace(
        "kind: {parameter: kind}", 'kind: {parameter: kind, operators: ["=", ">"]}'
    )
    (note,) = notes(parse_profile(text, "a.yaml"))
    assert note[1] == "'kind' is boolean: no query asks for >"


def test_numbered_pages_are_noted_once() -> None:
    text = SOUND.replace(
        "{type: token, path: next, parameter: cursor}",
        "{type: page_number, parameter: page, more: next}",
    )
    (note,) = [each for each in notes(parse_profile(text, "a.yaml")) if "numbered" in each[1]]
    assert note[0] == ("defaults",)


@pytest.mark.parametrize("name", bundled_profiles())
def test_bundled_profiles_read_more_than_the_first_page(name: str) -> None:
    assert not [note for note in notes(load_profile(name)) if "first one is read" in note[1]]


def test_malformed_yaml_is_shown_with_line_and_caret() -> None:
    with pytest.raises(ProfileError) as refused:
        parse_profile("name: A\ntables:\n  Items: {path: [}\n", "a.yaml")
    lines = str(refused.value).splitlines()
    assert lines[0].startswith("a.yaml:3:18: not YAML: ")
    assert lines[1:] == ["  Items: {path: [}", "                 ^"]
