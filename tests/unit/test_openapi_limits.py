"""Documents that stand for endlessly many schemas, and limits that can be raised."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from syncline.errors import ProfileError
from syncline.profile.openapi.document import read_document
from syncline.profile.openapi.generate import generate

THING: dict[str, Any] = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
}
#: A share of the usual work: what ends does so at once.
LITTLE = 0.01


def document(schemas: dict[str, Any]) -> bytes:
    listed = {"type": "array", "items": {"$ref": "#/components/schemas/S0"}}
    answer = {"200": {"content": {"application/json": {"schema": listed}}}}
    return json.dumps(
        {
            "openapi": "3.0.0",
            "info": {"title": "Things", "version": "1"},
            "servers": [{"url": "https://things.example.com"}],
            "paths": {"/things": {"get": {"responses": answer}}},
            "components": {"schemas": schemas},
        }
    ).encode()


def each_twenty_times(word: str, levels: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        f"S{n}": {word: 20 * [{"$ref": f"#/components/schemas/S{n + 1}"}]} for n in range(levels)
    }
    return {**found, f"S{levels}": THING}


@pytest.mark.parametrize("word", ["allOf", "anyOf", "oneOf"])
def test_schemas_that_multiply_are_given_up(word: str) -> None:
    text = document(each_twenty_times(word, 11))
    with pytest.raises(ProfileError, match="its schemas stand for so many others") as caught:
        generate(read_document(text, "x.json", effort=LITTLE))
    assert "raise --effort" in caught.value.hint


def test_a_schema_made_of_itself_is_given_up() -> None:
    text = document({"S0": {**THING, "allOf": 30 * [{"$ref": "#/components/schemas/S0"}]}})
    with pytest.raises(ProfileError, match="its schemas stand for so many others"):
        generate(read_document(text, "x.json", effort=LITTLE))


def test_what_is_too_much_work_is_done_with_more_effort() -> None:
    text = document(each_twenty_times("allOf", 2))
    with pytest.raises(ProfileError, match="its schemas stand for so many others"):
        generate(read_document(text, "x.json", effort=LITTLE / 10))
    assert list(generate(read_document(text, "x.json")).profile.tables) == ["Things"]


def test_members_that_go_on_forever_end() -> None:
    own = {"$ref": "#/components/schemas/S0"}
    members = {**THING["properties"], **{f"m{n}": own for n in range(50)}}
    found = generate(read_document(document({"S0": {**THING, "properties": members}}), "x.json"))
    assert "id" in found.profile.tables["Things"].columns


def test_how_long_a_document_may_be_can_be_raised() -> None:
    text = document({"S0": THING})
    with pytest.raises(ProfileError, match="longer than") as caught:
        read_document(text, "x.json", effort=1e-6)
    assert "raise --effort" in caught.value.hint
    assert read_document(text, "x.json", effort=1.0).content["openapi"] == "3.0.0"


PROFILE = """\
name: Large
auth: [{scheme: None}]
base_url: https://api.example.com
tables: {T: {path: /t, columns: {id: integer}}}
"""
LOADING = (
    "import sys; from syncline.profile.loader import load_profile; "
    "from syncline.errors import ProfileError\n"
    "try: print(load_profile(sys.argv[1]).name)\n"
    "except ProfileError as error: print(error, error.hint)"
)


@pytest.mark.parametrize("name", ["large.yaml", "large.apip"])
def test_how_large_a_profile_may_be_can_be_raised(name: str, tmp_path: Path) -> None:
    file, text = tmp_path / name, PROFILE + ("#" + 99 * " " + "\n") * 30_000
    if file.suffix == ".apip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("profile.yaml", text)
    else:
        file.write_text(text, "utf-8")

    def loaded(size: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", LOADING, str(file)],
            env={**os.environ, "SYNCLINE_PROFILE_SIZE": size},
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    refused = loaded("1")
    assert "larger than" in refused or "too large" in refused
    assert "SYNCLINE_PROFILE_SIZE" in refused
    assert loaded("4") == "Large"
