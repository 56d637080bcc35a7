"""Schema files of CData's API Driver: what becomes of them, and what is refused."""

import struct
import zipfile
from pathlib import Path
from typing import Any

import pytest

from syncline.errors import ProfileError
from syncline.profile.archive import members
from syncline.profile.cdata.document import imported
from syncline.profile.loader import parse_profile
from syncline.profile.schema import ApiTable, Profile

HEAD = '<api:script xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:api="http://apiscript.com/ns?v1">'
INFO = """
  <api:info title="Users" desc="People who log in." xmlns:other="http://apiscript.com/ns?v1">
    <attr name="ID" xs:type="int" key="true" readonly="true" other:xPath="id" desc="The  key."/>
    <attr name="Name" xs:type="string" columnsize="80" other:xPath="profile/name"/>
    <attr name="Created" xs:type="datetime" other:xPath="/json/data/items/created_at"/>
    <attr name="Cost" xs:type="decimal" columnsize="12" decimaldigits="2"/>
    <attr name="Tags" xs:type="array"/>
    <attr name="Total" xs:type="int" other:xPath="/json/total"/>
    <attr name="Kind" xs:type="string" other:filter="kind"/>
    <input name="Active" xs:type="boolean" required="true"/>
    <input name="rows@next"/>
  </api:info>
"""
SETS = """
  <api:set attr="ContentType" value="application/json"/>
  <api:set attr="uri" value="https://[_connection.Region].example.com/v2/users?active=[_input.Active]&amp;v=2"/>
  <api:set attr="Header:Name#1" value="Authorization"/>
  <api:set attr="Header:Value#1" value="Bearer [_connection.APIKey]"/>
  <api:set attr="Header:Name#2" value="X-Version"/>
  <api:set attr="Header:Value#2" value="[_connection.Version | def('4')]"/>
  <api:set attr="RepeatElement" value="/json/data/items"/>
"""
PAGING = """
  <api:set attr="EnablePaging" value="TRUE"/>
  <api:set attr="pagenumberparam" value="page"/>
  <api:set attr="pagesizeparam" value="limit"/>
  <api:set attr="pagesize" value="50"/>
"""
READ = """
  <api:script method="GET">
    <api:set attr="method" value="GET"/>
    <api:call op="apisadoExecuteJSONGet"><api:push/></api:call>
  </api:script>
  <api:script method="DELETE"><api:if attr="x"><api:call op="y"/></api:if></api:script>
"""


def rsd(*parts: str) -> str:
    return f"{HEAD}{''.join(parts)}</api:script>"


def made(tmp_path: Path, text: str, name: str = "Users.rsd") -> tuple[Profile, dict[str, Any]]:
    file = tmp_path / name
    file.write_text(text, "utf-8")
    result = imported(file, "Example")
    return parse_profile(result.text, "made.yaml"), dict(result.notes)


def table(tmp_path: Path, *parts: str) -> ApiTable:
    return made(tmp_path, rsd(*parts))[0].tables["Users"]


def test_a_whole_file(tmp_path: Path) -> None:
    profile, notes = made(tmp_path, rsd(INFO, SETS, PAGING, READ))
    assert profile.base_url == "https://{Region}.example.com"
    assert profile.auth[0].model_dump(exclude_unset=True) == {
        "scheme": "Token", "value": "Bearer {APIKey}",
    }  # fmt: skip
    assert profile.settings["APIKey"].secret
    assert profile.settings["Version"].default == "4"
    users = profile.tables["Users"]
    assert (users.path, users.records, users.description) == (
        "/v2/users", "data.items", "People who log in.",
    )  # fmt: skip
    assert users.headers == {"X-Version": "{Version}"}
    assert users.parameters == {"v": "2"}
    assert users.primary_key == ("ID",)
    columns = {
        name: c if isinstance(c, str) else c.model_dump(exclude_defaults=True)
        for name, c in users.columns.items()
    }
    assert columns == {
        "ID": {"type": "integer", "path": "id", "description": "The key."},
        "Name": {"type": "string", "path": "profile.name", "size": 80},
        "Created": {"type": "datetime", "path": "created_at"},
        "Cost": "decimal(12,2)",
        "Tags": "json",
        "Kind": "string",
    }
    active = users.filters["Active"]
    assert not isinstance(active, tuple)
    assert (active.parameter, active.required, active.type, active.exact) == (
        "active", True, "boolean", False,
    )  # fmt: skip
    assert users.pagination is not None
    assert users.pagination.model_dump(exclude_defaults=True) == {"type": "page_number"} | {}
    assert users.page is not None
    assert (users.page.parameter, users.page.size) == ("limit", 50)
    said = " ".join(notes["Users"])
    assert "/json/total is outside of the record" in said
    assert "the hint other:filter is left out" in said
    assert "the method DELETE is left out" in said


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ("pageurlpath=/json/links/next", {"type": "next_link", "path": "links.next"}),
        ("pageoffsetparam=skip", {"type": "offset", "parameter": "skip"}),
        ("pagenumberparam=p", {"type": "page_number", "parameter": "p"}),
        (
            "pagetokenpath=/json/cursor,pagetokenparam=after",
            {"type": "token", "path": "cursor", "parameter": "after"},
        ),
        ("EnablePaging=FALSE,pagenumberparam=p", {"type": "none"}),
        ("", {"type": "none"}),
    ],
)
def test_paging(tmp_path: Path, sets: str, expected: dict[str, Any]) -> None:
    pairs = [each.split("=") for each in sets.split(",") if each]
    more = "".join(f'<api:set attr="{name}" value="{value}"/>' for name, value in pairs)
    found = table(tmp_path, INFO, SETS, more, READ).pagination
    assert found is not None
    assert found.model_dump(exclude_unset=True) == expected


def test_xml_and_mapped_elements(tmp_path: Path) -> None:
    info = '<api:info><attr name="Id" xs:type="long"/><attr name="Unit"/></api:info>'
    sets = """<api:set attr="uri" value="https://example.com/a.xml"/>
      <api:set attr="RepeatElement" value="/answer/rows/row"/>
      <api:set attr="ElementMapName#1" value="Id"/>
      <api:set attr="ElementMapPath#1" value="/answer/rows/row/number"/>
      <api:set attr="ElementMapName#2" value="Unit"/>
      <api:set attr="ElementMapPath#2" value="price/@unit"/>
      <api:call op="apisadoExecuteXMLGet"/>"""
    users = table(tmp_path, info, sets)
    assert users.format is not None
    assert (users.format.type, users.records) == ("xml", "answer.rows.row")
    assert {n: getattr(c, "path", "") for n, c in users.columns.items()} == {
        "Id": "number", "Unit": "price.@unit",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ((INFO, READ), "it sets no uri"),
        ((SETS, READ), "it has no api:info"),
        (("<api:info/>", SETS, READ), "it names no columns"),
        (
            (INFO, SETS, '<api:if attr="x"><api:set attr="y" value="1"/></api:if>'),
            "the script's api:if",
        ),
        ((INFO, SETS, READ, '<api:call op="oauthGetAccessToken"/>'), "several api:call"),
        ((INFO, SETS, '<api:set attr="data" value="{}"/>', READ), "the body in 'data'"),
        (
            (INFO, SETS, '<api:set attr="uri" value="https://x/[_input.Id]"/>'),
            "[_input.Id] is known",
        ),
        ((INFO, SETS, '<api:set attr="uri" value="[out.url]"/>'), "[out.url] is known"),
        ((INFO, SETS, '<api:set attr="uri" value="/relative"/>'), "the uri '/relative'"),
        ((INFO, SETS, '<api:set attr="RepeatElement" value="/a.b"/>'), "the path '/a.b'"),
    ],
)
def test_what_is_refused(tmp_path: Path, parts: tuple[str, ...], said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        made(tmp_path, rsd(*parts))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<a", "not XML"),
        ("<html/>", "its root is 'html'"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><api:script/>', "declares entities"),
        (f"{HEAD}{'<a>' * 200}{'</a>' * 200}</api:script>", "more than 100 elements"),
    ],
)
def test_what_is_no_schema_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        made(tmp_path, text)
    assert said in str(caught.value)


def test_an_archive(tmp_path: Path) -> None:
    file = tmp_path / "Example.apip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Users.rsd", rsd(INFO, SETS, PAGING, READ))
        archive.writestr("tables/Odd Ones.rsd", rsd(INFO, SETS, PAGING, READ))
        archive.writestr("Scripted.rsd", rsd(INFO, SETS, "<api:enum/>"))
        archive.writestr("GetOAuthAccessToken.rsb", "<api:script/>")
        archive.writestr("icon.png", b"\x89PNG")
    result = imported(file, "Example")
    assert set(result.tables) == {"Users", "Odd_Ones"}
    assert result.refused == {"Scripted": "the script's api:enum"}
    assert result.notes[""] == ("GetOAuthAccessToken.rsb is left out: a stored procedure",)
    assert "Not imported: Scripted: the script's api:enum" in result.text


@pytest.mark.parametrize(
    "name", ["../Users.rsd", "/etc/Users.rsd", "a/../../b.rsd", "C:/b.rsd", "..\\b.rsd"]
)
def test_names_that_lead_out_of_an_archive_are_refused(tmp_path: Path, name: str) -> None:
    file = tmp_path / "Bad.apip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("Users.rsd", rsd(INFO, SETS, READ))
        archive.writestr(name, "x")
    with pytest.raises(ProfileError, match="leads out of the archive"):
        imported(file, "Example")


def test_bombs_are_not_unpacked(tmp_path: Path) -> None:
    file = tmp_path / "Bomb.apip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Users.rsd", b" " * 40_000_000)
    with pytest.raises(ProfileError, match="too large for a profile"):
        imported(file, "Example")
    # What an archive says of its own sizes is not believed.
    content = file.read_bytes().replace(struct.pack("<I", 40_000_000), struct.pack("<I", 100))
    file.write_bytes(content)
    with pytest.raises(ProfileError):
        imported(file, "Example")


def test_too_many_files(tmp_path: Path) -> None:
    file = tmp_path / "Many.apip"
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(5001):
            archive.writestr(f"{number}.rsd", "")
    with pytest.raises(ProfileError, match="an archive of 5001 files"):
        members(file, (".rsd",), shown="Many.apip")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"no zip", "it is no zip file"), (None, "no such file or directory")],
)
def test_what_is_no_archive(tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "Example.apip"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ProfileError, match=said):
        imported(file, "Example")


def test_an_archive_without_tables(tmp_path: Path) -> None:
    file = tmp_path / "Example.apip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("readme.txt", "x")
    with pytest.raises(ProfileError, match=r"it has no \.rsd file"):
        imported(file, "Example")
