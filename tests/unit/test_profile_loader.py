"""Every complaint about a profile's text, word for word."""

from importlib import resources
from pathlib import Path
from typing import Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from standins.pointing import without_lines
from syncline.errors import ConfigError, ProfileError, ProjectError
from syncline.profile.loader import bundled_profiles, load_profile, parse, parse_profile
from syncline.profile.schema import Column, ObjectColumn

HEAD = """\
name: A
auth: [{scheme: None}]
base_url: https://api.example.com
"""
TABLE = """\
tables:
  T:
    path: /t
    columns: {id: integer}
"""


def refused(text: str) -> ProfileError:
    with pytest.raises(ProfileError) as caught:
        parse_profile(text, "a.yaml")
    return caught.value


def complaint(text: str) -> str:
    return bare(HEAD + text)


def bare(text: str) -> str:
    return without_lines(str(refused(text)), text)


class TestProfilesByName:
    def test_bundled(self) -> None:
        assert {"clicktime", "clio", "harvest"} <= set(bundled_profiles())
        assert list(bundled_profiles()) == sorted(bundled_profiles())
        assert load_profile("clio") == load_profile("CLIO")
        assert load_profile("ClickTime").name == "ClickTime"

    def test_unknown(self) -> None:
        with pytest.raises(ProfileError) as caught:
            load_profile("clioo")
        assert str(caught.value) == "no profile is called 'clioo'"
        names = ", ".join(bundled_profiles())
        assert (
            caught.value.hint
            == f"bundled: {names}; or give the path of a .yaml file, a folder or a .zip"
        )

    def test_by_path(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.YML"
        file.write_text(HEAD + TABLE, "utf-8")
        assert load_profile(str(file)).name == "A"

    def test_by_path_from_home(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / "mine.yaml").write_text(HEAD + TABLE, "utf-8")
        assert load_profile("~/mine.yaml").name == "A"

    def test_no_such_file(self, tmp_path: Path) -> None:
        file = tmp_path / "none.yaml"
        with pytest.raises(ProfileError) as caught:
            load_profile(str(file))
        assert str(caught.value) == f"cannot read the profile {file}: No such file or directory"

    def test_no_text(self, tmp_path: Path) -> None:
        file = tmp_path / "bad.yaml"
        file.write_bytes(b"name: \xff")
        with pytest.raises(ProfileError) as caught:
            load_profile(str(file))
        assert str(caught.value) == f"cannot read the profile {file}: it is not UTF-8 text"

    def test_complaints_name_the_file(self, tmp_path: Path) -> None:
        file = tmp_path / "mine.yaml"
        file.write_text("name: A\n", "utf-8")
        with pytest.raises(ProfileError, match=r"mine\.yaml:1:1: auth: required, but missing"):
            load_profile(str(file))


class TestYaml:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("", "a.yaml:1: expected a mapping of keys, found nothing"),
            ("- a", "a.yaml:1: expected a mapping of keys, found a list"),
            ("abc", "a.yaml:1: expected a mapping of keys, found 'abc'"),
            ("yes", "a.yaml:1: expected a mapping of keys, found 'yes'"),
            ("true", "a.yaml:1: expected a mapping of keys, found true"),
            ("1.5", "a.yaml:1: expected a mapping of keys, found 1.5"),
            ("x" * 80, f"a.yaml:1: expected a mapping of keys, found '{'x' * 60}…'"),
        ],
    )
    def test_no_mapping(self, text: str, said: str) -> None:
        assert str(refused(text)) == said

    def test_not_yaml(self) -> None:
        error = refused("name: A\nauth: [\nbase_url: 'x'\n")
        assert str(error) == (
            "a.yaml:3:14: not YAML: did not find expected ',' or ']'\nbase_url: 'x'\n             ^"
        )
        assert error.hint == "the bracket or brace that opens in line 2 may not be closed"

    def test_not_yaml_up_to_the_end(self) -> None:
        said = "a.yaml:1:8: not YAML: did not find expected node content\nname: [\n       ^"
        assert str(refused("name: [")) == said
        assert str(refused("name: [\n")) == said

    def test_tabs(self) -> None:
        assert str(refused("name:\n\tx: 1\n")) == (
            "a.yaml:2:1: not YAML: found character that cannot start any token\n\tx: 1\n^"
        )

    def test_unprintable(self) -> None:
        assert str(refused("name: \0")).startswith("a.yaml:1:7: not YAML: unacceptable character")

    def test_one_key_twice(self) -> None:
        error = refused(HEAD + TABLE + "    path: /u\n")
        assert str(error) == "a.yaml:8:5: the key 'path' stands here twice\n    path: /u\n    ^"
        assert not error.hint

    def test_a_key_that_is_no_text(self) -> None:
        assert str(refused(HEAD + "? [a, b]\n: 1\n")) == (
            "a.yaml:4:3: a key must be a text\n? [a, b]\n  ^"
        )

    def test_nothing_is_run(self) -> None:
        said = str(refused(HEAD + "title: !!python/name:os.system x\n"))
        assert said.startswith("a.yaml:4:8: could not determine a constructor for the tag")

    def test_a_tag_that_its_value_does_not_fit(self) -> None:
        assert str(refused(HEAD + "title: !!timestamp 2024-13-01\n")) == (
            "a.yaml: not YAML: month must be in 1..12"
        )

    def test_what_stands_on_a_merged_key(self) -> None:
        profile = parse_profile(
            HEAD
            + """\
tables:
  T: &t
    path: /t
    description: one
    columns: {id: integer}
  U: {<<: *t, path: /u}
""",
            "a.yaml",
        )
        assert [t.path for t in profile.tables.values()] == ["/t", "/u"]
        assert profile.tables["U"].description == "one"

    def test_words_that_old_yaml_bends(self) -> None:
        text = """\
tables:
  T:
    path: /t
    parameters: {a: no, b: 12:30, c: 2024-01-01, d: 0123, e: 1_000, on: off, 1: "1", f: =}
    columns: {on: boolean, no: date, 1: {type: string, required: yes}}
"""
        table = parse_profile(HEAD + text, "a.yaml").tables["T"]
        assert table.parameters == {
            "a": "no",
            "b": "12:30",
            "c": "2024-01-01",
            "d": "0123",
            "e": "1_000",
            "on": "off",
            "1": "1",
            "f": "=",
        }
        assert list(table.columns) == ["on", "no", "1"]
        column = table.columns["1"]
        assert isinstance(column, Column)
        assert column.required

    def test_numbers_booleans_and_nothing(self) -> None:
        text = TABLE + "limits: {requests: 5, seconds: 1e1}\nnumbers_as_strings: True\n"
        profile = parse_profile(HEAD + text, "a.yaml")
        assert (profile.limits.requests, profile.limits.seconds) == (5, 10.0)
        assert profile.limits.remaining is None
        assert profile.numbers_as_strings


def cases() -> list[tuple[str, str, str]]:
    """What `data/profile-complaints.txt` has: the kind, the text, the complaints about it."""
    golden = Path(__file__).parent / "data" / "profile-complaints.txt"
    kind, found = "", []
    for block in golden.read_text("utf-8").split("\n\n"):
        lines = [line for line in block.splitlines() if not line.startswith("# ")]
        if lines and lines[0].startswith("## "):
            kind = lines.pop(0).removeprefix("## ")
        text = "".join(f"{line}\n" for line in lines if not line.startswith("! "))
        said = [f"a.yaml:{line[2:]}" for line in lines if line.startswith("! ")]
        if said:
            found.append((kind, text, "\n".join(said)))
    return found


@pytest.mark.parametrize(("kind", "text", "said"), cases())
def test_complaints_about_what_is_written(kind: str, text: str, said: str) -> None:
    whole = {
        "table": HEAD + TABLE + text,
        "columns": HEAD + TABLE.replace("{id: integer}", text.strip()),
        "head": text + TABLE,
    }
    assert bare(whole[kind]) == said


def test_no_tables() -> None:
    assert complaint("tables: {}\n") == "a.yaml:4:9: tables: must not be empty"


def test_complaints_come_by_line_ten_at_once() -> None:
    text = TABLE + "".join(f"    wrong{n}: 1\n" for n in range(12))
    error = refused(HEAD + text)
    lines = str(error).splitlines()[::3]
    assert len(lines) == 10
    assert [line.split(":")[1] for line in lines] == [str(n) for n in range(8, 18)]
    assert error.hint == "and 2 more complaints"


def test_contradictions_have_their_line() -> None:
    text = TABLE + "    primary_key: [idd]\n    fan_out: {parent: U}\nheaders: {X: '{Y}'}\n"
    assert complaint(text) == (
        "a.yaml:8:19: tables.T.primary_key.0: there is no column 'idd'; did you mean 'id'?\n"
        "a.yaml:9:23: tables.T.fan_out.parent: there is no table 'U'; known: T\n"
        "a.yaml:9:14: tables.T.fan_out: every walk is the same: "
        "neither path nor parameters name {parent.id}\n"
        "a.yaml:10:14: headers.X: there is no setting 'Y'"
    )


def test_places_in_lists_have_their_line() -> None:
    text = HEAD.replace("[{scheme: None}]", "\n  - scheme: None\n  - scheme: None\n") + TABLE
    said = "a.yaml:4:13: auth.1.scheme: the scheme None stands here twice"
    assert bare(text) == said


def test_what_a_sound_profile_becomes() -> None:
    text = TABLE.replace("{id: integer}", "{id: integer, o: {object: {a: date}}}")
    columns = parse_profile(HEAD + text, "a.yaml").tables["T"].columns
    assert columns["id"] == "integer"
    assert columns["o"] == ObjectColumn(object={"a": "date"})


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Anything(BaseModel):
    """A model with plain unions, as other files may have."""

    model_config = ConfigDict(extra="forbid")
    one: int | Literal["all"] = 0
    two: Inner | list[Inner] = Field(default_factory=list)
    three: list[str] = Field(default_factory=list, min_length=2)
    four: dict[str, Inner | None] = Field(default_factory=dict)
    code: str = Field(default="ab", pattern="^[a-z]+$", min_length=2)
    share: float = Field(default=0.5, ge=0, le=1, allow_inf_nan=False)
    below: int = Field(default=0, lt=5)
    raw: bytes = b""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one: some\n", "one: expected a whole number or one of all, found 'some'"),
        ("two: {sise: 1}\n", "two.sise: unknown key; did you mean 'size'?"),
        ("two: [{size: x}]\n", "two.0.size: expected a whole number, found 'x'"),
        ("two: 3\n", "two: expected a mapping of keys or a list, found 3"),
        ("three: [a]\n", "three: has too few entries"),
        ("four: {a: {sise: 1}}\n", "four.a.sise: unknown key; did you mean 'size'?"),
        ("code: A1\n", "code: expected a text like ^[a-z]+$, found 'A1'"),
        ("code: a\n", "code: expected at least 2 characters, found 'a'"),
        ("share: 2\n", "share: expected a number not greater than 1, found 2"),
        ("below: 5\n", "below: expected a number less than 5, found 5"),
        ("raw: 1\n", "raw: input should be a valid bytes"),
    ],
)
def test_other_models_complain_in_the_same_way(text: str, said: str) -> None:
    with pytest.raises(ProjectError) as caught:
        parse(text, "b.yaml", Anything, ProjectError)
    assert str(caught.value) == f"b.yaml:1: {said}"


def test_the_error_is_the_one_asked_for() -> None:
    with pytest.raises(ConfigError) as caught:
        parse("a: [", "b.yaml", Anything, ProjectError)
    assert type(caught.value) is ProjectError


def test_bundled_profiles_load_fast() -> None:
    text = resources.files("syncline.profiles").joinpath("clio.yaml").read_text("utf-8")
    # Parsing costs by the size of the text: 200 KB would take a quarter of a second.
    assert len(text.encode()) < 130_000
