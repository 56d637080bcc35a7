"""What `profile check --live` says of profiles that are right, and of those that are not."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from standins.clocks import SkippingClock
from standins.pages import Api, Row, answering, serving
from standins.reading import HEAD
from syncline.cli import trying
from syncline.cli.profile_commands import profile_app
from syncline.control.connections import opened_api
from syncline.control.properties import ApiProperties
from syncline.control.trial.findings import Verdict
from syncline.control.trial.reading import Overheard
from syncline.control.trial.tables import Trial
from syncline.errors import CredentialError, ProjectError
from syncline.profile.loader import parse_profile

ROWS: list[Row] = [
    {
        "id": number,
        "kind": "ab"[number % 2],
        "updated_at": f"2026-01-{number + 1:02}T00:00:00Z",
        "day": f"2026-01-{number + 1:02}",
    }
    for number in range(9)
]
SOUND = """
defaults:
  records: data
  pagination: {type: next_link, path: meta.paging.next}
  page: {parameter: limit, size: 3}
tables:
  Items:
    path: /items
    primary_key: [id]
    incremental: {column: updated_at, parameter: updated_since, overlap: 0}
    columns: {id: integer, kind: string, updated_at: datetime, day: date}
    filters:
      id: {parameter: "ids[]", operators: ["=", in], many: repeat}
      kind: {parameter: kind}
      day:
        - {parameter: from, operators: [">="]}
        - {parameter: to, operators: [<=]}
      word: {parameter: q, type: string}
"""


@asynccontextmanager
async def trial_of(api: Api, profile: str, most: int = 10) -> AsyncIterator[Trial]:
    parsed, overheard = parse_profile(HEAD + profile, "p.yaml"), Overheard()
    given = ApiProperties.model_validate(
        {"Profile": "p", "ProfileSettings": {"BaseURL": api.url}, "AuthScheme": "None"}
    )
    async with opened_api(
        "trial", given, parsed, SkippingClock(),
        observe=lambda _: None, say=lambda _: None, watch=overheard,
    ) as source:  # fmt: skip
        yield Trial(source=source, profile=parsed, overheard=overheard, most=most)


async def said(profile: str, rows: list[Row], style: str = "next_link", **api: Any) -> list[str]:
    """Every finding on the table Items, as it is shown."""
    async with (
        serving(Api(lists={"/items": rows, "/others": rows}, style=style, **api)) as served,
        trial_of(served, profile) as trial,
    ):
        reports = [report async for report in trial.reports(["Items"])]
    return [f"{f.verdict} {f.about}: {f.why}" for f in reports[0].findings]


def changed(old: str, new: str) -> str:
    assert old in SOUND
    return SOUND.replace(old, new)


async def test_a_sound_profile() -> None:
    assert await said(SOUND, ROWS) == [
        "ok types: 6 rows fit",
        "ok key: id: never equal in 6 rows",
        "ok pages: the second page has other rows than the first",
        "ok pages: they end after 3 pages",
        "cannot tell filters: no record shows what to compare with: word",
        "ok filter id =: ids[] of 0: 1 row, and none that should not be",
        "ok filter id in: ids[] of 0, 1: 2 rows, and none that should not be",
        "ok filter kind =: kind of a: 5 rows, and none that should not be",
        "ok filter day >=: from of 2026-01-04: 6 rows, and none that should not be",
        "ok filter day <=: to of 2026-01-04: 4 rows, and none that should not be",
        ("ok changes: updated_at moves, from 2026-01-01 00:00:00+00:00 to "
        "2026-01-06 00:00:00+00:00"),
        ("ok changes: updated_since of 2026-01-04 00:00:00+00:00: 6 rows, and none that should "
        "not be"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "wrong"),
    [
        ("kind: string", "kind: integer", "types: 6 of 6 rows: column 'kind': it should be"),
        ("primary_key: [id]", "primary_key: [kind]", "key: kind: 2 values come twice, such as"),
        ("parameter: kind", "parameter: sort_of", "filter kind =: sort_of of a changes nothing"),
        (
            'parameter: from, operators: [">="]',
            'parameter: from, operators: [">"]',
            "filter day >: from of 2026-01-04 brings 1 row of 6 that do not match",
        ),
        (
            "parameter: to, operators: [<=]",
            "parameter: kind, operators: [<=]",
            "filter day <=: kind of 2026-01-04 leaves out a row that matches: id 0",
        ),
        ("updated_since,", "changed_since,", "changes: changed_since of 2026-01-04"),
        (
            "type: next_link, path: meta.paging.next",
            "type: none",
            "pages: there are 7 rows and more, and the profile turns no page",
        ),
        (
            "type: next_link, path: meta.paging.next",
            "type: page_number",
            "read: the pages go in circles",
        ),
        ("records: data", "records: rows", "read: GET "),
        (
            "  page: {parameter: limit, size: 3}",
            ("  page: {parameter: limit, size: 3}\n"
            "  projection: {parameter: fields}"),
            "projection: asked for id, day, the API answers with everything: fields does nothing",
        ),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_told(old: str, new: str, wrong: str) -> None:
    if "go in circles" in wrong:
        wrong = "read: GET "  # the API answers the same page again
    found = await said(changed(old, new), ROWS)
    assert [f for f in found if f.startswith(f"wrong {wrong}")], found


async def test_a_page_that_is_said_to_be_all() -> None:
    profile = changed("type: next_link, path: meta.paging.next", "type: none")
    found = await said(profile.replace("limit, size: 3", "limit"), ROWS)
    assert "wrong pages: there are 7 rows and more, and the profile turns no page" in found


async def test_pages_that_no_list_fills_are_made_smaller() -> None:
    found = await said(changed("size: 3", "size: 100"), ROWS)
    assert "ok pages: they end: 9 rows in 3 pages of 3" in found


@pytest.mark.parametrize(
    ("profile", "rows", "told"),
    [
        (SOUND, [], "read: there are no rows"),
        (SOUND, [dict(ROWS[0])], "pages: 1 row cannot fill two pages"),
        (SOUND, [{**row, "kind": None} for row in ROWS], "filter kind =: no row read has a value"),
        (SOUND, [{**row, "kind": "a"} for row in ROWS], "every row read matches kind of a"),
        (
            SOUND,
            [{**row, "updated_at": "2026-01-01T00:00:00Z"} for row in ROWS],
            "updated_at is 2026-01-01 00:00:00+00:00 in every row read",
        ),
        (SOUND.replace("    primary_key: [id]\n", ""), ROWS, "key: the profile names none"),
        (
            SOUND.replace("{parameter: kind}", "{parameter: kind, required: true}"),
            ROWS,
            "read: it can only be read for a given kind",
        ),
    ],
)
async def test_what_cannot_be_told_is_said_with_the_reason(
    profile: str, rows: list[Row], told: str
) -> None:
    found = await said(profile, rows)
    assert [f for f in found if f.startswith("cannot tell") and told in f], found


async def test_pages_without_an_end_are_left_after_so_many() -> None:
    rows: list[Row] = [{**ROWS[0], "id": number} for number in range(60)]
    async with (
        serving(Api(lists={"/items": rows}, style="next_link")) as api,
        trial_of(api, SOUND, most=5) as trial,
    ):
        (report,) = [report async for report in trial.reports()]
        most = max(
            len([a for a in api.asked if a.query[: len(first.query)] == first.query])
            for first in api.asked
        )
    assert "they go on after 5 pages, so their end was not seen" in {f.why for f in report.findings}
    assert report.verdict is Verdict.OK
    assert most <= 40


async def test_a_list_that_may_not_be_read_is_not_wrong() -> None:
    found = await said(SOUND, ROWS, always=answering(403))
    assert len(found) == 1
    assert found[0].startswith("cannot tell read:")


async def test_without_credentials_nothing_can_be_told() -> None:
    with pytest.raises(CredentialError):
        await said(SOUND, ROWS, always=answering(401))


_CHILDREN = """
defaults: {records: data, pagination: {type: next_link, path: meta.paging.next}, page: {size: 3}}
tables:
  Parents:
    path: /others
    primary_key: [id]
    columns: {id: integer}
  Items:
    path: /items/{parent.id}
    primary_key: [parent_id, id]
    fan_out: {parent: Parents, into: parent_id}
    columns: {id: integer}
"""


async def test_children_are_read_for_some_parents() -> None:
    lists: Mapping[str, list[Row]] = {
        "/others": [{"id": number} for number in range(30)],
        **{f"/items/{number}": [{"id": 1}] for number in range(30)},
    }
    async with (
        serving(Api(lists=dict(lists))) as api,
        trial_of(api, _CHILDREN) as trial,
    ):
        reports = {report.table: report async for report in trial.reports()}
        asked = {a.path for a in api.asked if a.path.startswith("/items/")}
    assert reports["Items"].verdict is Verdict.OK
    assert asked <= {f"/items/{number}" for number in range(6)}


async def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = tmp_path / "small.yaml"
    profile.write_text(HEAD + changed("kind: string", "kind: integer"), "utf-8")
    console = Console(stderr=True, highlight=False)
    async with serving(Api(lists={"/items": ROWS})) as api:
        connection = f"ProfileSettings='BaseURL={api.url}'"
        code = await trying.live(
            str(profile), connection, tables=["items"], most=10, format_="json", console=console
        )
        shown = capsys.readouterr()
        assert code == 1
        assert "0 tables ok, 1 wrong" in shown.err
        (line,) = shown.out.splitlines()
        report = json.loads(line)
        assert report["table"] == "Items"
        assert report["verdict"] == "wrong"
        project = tmp_path / "project.yaml"
        project.write_text(
            "connections:\n"
            "  books:\n"
            "    type: api\n"
            f"    properties: {{Profile: {profile}, ProfileSettings: 'BaseURL={api.url}'}}\n",
            "utf-8",
        )
        profile.write_text(HEAD + SOUND, "utf-8")
        code = await trying.live(
            str(profile), f"{project}:books", tables=[], most=10, format_="table", console=console
        )
        shown = capsys.readouterr()
        assert code == 0
        assert shown.out.startswith("ok Items\n   ok types: 6 rows fit\n")
        with pytest.raises(ProjectError, match="has no table 'Itms'; did you mean 'Items'"):
            await trying.live(
                str(profile), connection, tables=["Itms"], most=10, format_="table",
                console=console,
            )  # fmt: skip


def test_options_that_are_for_live_only() -> None:
    found = CliRunner().invoke(profile_app, ["check", "clio", "--tables", "Bills"])
    assert found.exit_code == 2
    assert "--connection and --tables are for --live" in found.output
