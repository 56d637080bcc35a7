"""The `profile import` commands, as people run them."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from acceptance.processes import cold
from standins.pages import Api, serving
from standins.reading import batches_of, ids_of, items, scan_of, source_of
from syncline.cli.main import app
from syncline.model.table import Operator, Predicate
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


RSD = """<api:script xmlns:api="http://apiscript.com/ns?v1">
  <api:info title="Items">
    <attr name="Id" xs:type="int" key="true" other:xPath="id"/>
    <attr name="Name" other:xPath="name"/>
    <attr name="Changed" xs:type="datetime" other:xPath="/json/data/updated_at"/>
  </api:info>
  <api:set attr="uri" value="URL/items?kind=[_input.Kind]"/>
  <api:set attr="RepeatElement" value="/json/data"/>
  <api:set attr="EnablePaging" value="TRUE"/>
  <api:set attr="pageurlpath" value="/json/meta/paging/next"/>
  <api:script method="GET"><api:call op="apisadoExecuteJSONGet"><api:push/></api:call></api:script>
</api:script>"""


async def test_a_schema_file_of_cdata_is_read_to_the_last_row(tmp_path: Path) -> None:
    rows = [{**row, "kind": "ab"[row["id"] % 2]} for row in items(10)]
    async with serving(Api(lists={"/items": rows})) as api:
        file, output = tmp_path / "Items.rsd", tmp_path / "items.yaml"
        file.write_text(RSD.replace("URL", api.url), "utf-8")
        ended = await cold(
            "profile", "import", "cdata", str(file), "--name", "Small", "-o", str(output),
            cwd=tmp_path,
        )  # fmt: skip
        assert (ended.code, "Small: 1 tables imported, 0 not" in ended.err) == (0, True)
        async with source_of(api, output.read_text("utf-8"), settings={}) as source:
            assert ids_of(await batches_of(source, await scan_of(source, "Items")), "Id") == [
                *range(1, 11)
            ]
            kind = Predicate(column="Kind", operator=Operator.EQ, values=("a",))
            scan = await scan_of(source, "Items", predicates=(kind,))
            assert ids_of(await batches_of(source, scan), "Id") == [2, 4, 6, 8, 10]
