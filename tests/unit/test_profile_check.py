"""Every contradiction within a profile, word for word."""

from pathlib import Path

import pytest

from standins.pointing import without_lines
from syncline.errors import ProfileError
from syncline.profile.check import contradictions
from syncline.profile.loader import bundled_profiles, load_profile, parse_profile

SOUND = """\
name: A
auth: [{scheme: Token, value: "Token {APIKey}"}]
base_url: "{BaseURL}/v1"
settings:
  APIKey: {secret: true}
  Region: {default: eu, choices: [eu, us]}
  BaseURL: {default: "https://{Region}.example.com"}
headers: {X-Key: "{APIKey}"}
defaults: {parameters: {region: "{Region}"}}
tables:
  Parents:
    path: /parents/{Region}
    primary_key: [id]
    columns:
      id: integer
      on: date
      at: datetime
      gone: boolean
      list: {type: json, fields: [id]}
      nested: {object: {id: integer}}
    filters:
      id: {parameter: ids}
      word: {parameter: q, type: string}
    children:
      Parts:
        list: list
        primary_key: [parent_id, id]
        parent: {parent_id: id}
        columns: {id: integer}
    incremental: {column: at, parameter: since}
    deleted: {column: gone}
    windows: {column: on, since: from, until: to}
  Children:
    path: /parents/{parent.id}/children
    parameters: {of: "{parent.id}"}
    primary_key: [parent_id, id]
    columns: {id: integer}
    fan_out: {parent: Parents, column: id, into: parent_id}
  Kinds:
    path: /kinds
    columns: {id: integer, kind: string}
    fan_out: {parameter: kind, values: [a, b], column: kind}
  Places:
    path: /places
    columns: {id: integer}
    fan_out: {parameter: place, values: [x, y], into: place}
"""


def test_a_sound_profile_has_none() -> None:
    assert contradictions(parse_profile(SOUND, "a.yaml")) == []


@pytest.mark.parametrize("name", bundled_profiles())
def test_bundled_profiles_have_none(name: str) -> None:
    assert contradictions(load_profile(name)) == []


def cases() -> list[tuple[str, str, str]]:
    """What `data/profile-contradictions.txt` has: old text, new text, the complaints about it."""
    golden = Path(__file__).parent / "data" / "profile-contradictions.txt"
    found = []
    for block in golden.read_text("utf-8").split("\n\n"):
        lines = block.splitlines()
        old, new, said = (
            "\n".join(line[2:] for line in lines if line.startswith(mark))
            for mark in ("- ", "+ ", "! ")
        )
        if said:
            found.append((old, new, said))
    return found


def bare(text: str) -> str:
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, "a.yaml")
    return without_lines(str(caught.value), text).replace("a.yaml:", "")


@pytest.mark.parametrize(("old", "new", "complaints"), cases())
def test_contradictions(old: str, new: str, complaints: str) -> None:
    assert SOUND.count(old) == 1, old
    assert bare(SOUND.replace(old, new)) == complaints


def test_tables_that_are_parents_of_each_other() -> None:
    ring = SOUND.replace(
        "    path: /parents/{Region}\n", "    path: /{parent.id}\n    fan_out: {parent: Children}\n"
    )
    assert bare(ring) == (
        "13:23: tables.Parents.fan_out.parent: "
        "the table is its own parent, directly or through others\n"
        "39:23: tables.Children.fan_out.parent: "
        "the table is its own parent, directly or through others"
    )


def test_user_and_password_are_always_settings() -> None:
    text = SOUND.replace('[{scheme: Token, value: "Token {APIKey}"}]', "[{scheme: Basic}]")
    assert contradictions(parse_profile(text, "a.yaml")) == []


def test_settings_that_name_each_other() -> None:
    text = SOUND.replace("{default: eu, choices: [eu, us]}", '{default: "{BaseURL}"}')
    assert bare(text) == (
        "6:21: settings.Region.default: names itself, directly or through others\n"
        "7:22: settings.BaseURL.default: names itself, directly or through others"
    )


def test_a_setting_may_come_without_a_default_among_choices() -> None:
    text = SOUND.replace("{default: eu, choices: [eu, us]}", "{choices: [eu, us]}")
    assert contradictions(parse_profile(text, "a.yaml")) == []
