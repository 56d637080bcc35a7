"""The `profile import` commands, as people run them."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from syncline.cli.main import app
from syncline.profile.loader import load_profile

DATA = Path(__file__).parents[1] / "unit" / "data" / "airbyte"


def run(*arguments: str) -> tuple[int, str, str]:
    ended = CliRunner().invoke(app, ["profile", "import", *arguments])
    return ended.exit_code, ended.stdout, " ".join(ended.stderr.split())


def test_a_manifest_beside_its_schemas(tmp_path: Path) -> None:
    package = tmp_path / "source_zendesk_sell"
    (package / "schemas").mkdir(parents=True)
    (package / "manifest.yaml").write_text((DATA / "zendesk_sell.yaml").read_text("utf-8"), "utf-8")
    schemas = json.loads((DATA / "zendesk_sell.schemas.json").read_text("utf-8"))
    for name, schema in schemas.items():
        (package / "schemas" / name).write_text(json.dumps(schema), "utf-8")
    output = tmp_path / "sell.yaml"
    code, out, err = run("airbyte", str(package / "manifest.yaml"), "-o", str(output))
    assert (code, out) == (0, "")
    assert "zendesk_sell: 5 tables imported, 0 not" in err
    assert load_profile(str(output)).name == "zendesk_sell"
    code, _, err = run("airbyte", str(package / "manifest.yaml"), "-o", str(output))
    assert code == 2
    assert "is there already" in err


def test_what_is_not_imported_is_named(tmp_path: Path) -> None:
    code, out, err = run("airbyte", str(DATA / "chargify.yaml"), "--name", "Maxio")
    assert code == 0
    file = tmp_path / "maxio.yaml"
    file.write_text(out, "utf-8")
    assert list(load_profile(str(file)).tables) == ["customers", "subscriptions", "coupons"]
    assert "not imported invoices: DpathExtractor: the path ['invoices.json']" in err
    assert err.endswith("Maxio: 3 tables imported, 2 not")


def test_schemas_outside_of_the_package_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.json").write_text('{"properties": {"id": {"type": "integer"}}}', "utf-8")
    package = tmp_path / "a" / "b"
    package.mkdir(parents=True)
    content = yaml.safe_load((DATA / "recruitee.yaml").read_text("utf-8"))
    for stream in content["definitions"]["streams"].values():
        stream["schema_loader"] = {
            "type": "JsonFileSchemaLoader",
            "file_path": "../../secret.json",
        }
    (package / "manifest.yaml").write_text(yaml.safe_dump(content), "utf-8")
    _, _, err = run("airbyte", str(package / "manifest.yaml"))
    assert "there is no file ../../secret.json" in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "it is not UTF-8 text"),
        (b"a: [", "not YAML"),
        (b"a: b", "no declarative manifest"),
        (None, "no such file or directory"),
    ],
)
def test_what_is_no_manifest(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "manifest.yaml"
    if content is not None:
        file.write_bytes(content)
    code, _, err = run("airbyte", str(file))
    assert code == 2
    assert said in err
