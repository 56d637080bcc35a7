"""The documentation is true: its examples are sound, its commands exist, its tutorials work."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer
import yaml
from pydantic import BaseModel

from integration.documents import ROOT, Block, all_blocks, anchors, commands, links, pages, spans
from syncline.cli import demonstration
from syncline.cli.main import app
from syncline.control.alert_specs import ChannelSpec
from syncline.control.clock import SystemClock
from syncline.control.project import ConnectionSpec, DeletesSpec, JobSpec, Project, TaskSpec
from syncline.control.properties import MODELS, parse_pairs, properties_of
from syncline.control.references import substituted
from syncline.control.tasks import tasks_of
from syncline.errors import ProjectError
from syncline.extract.credentials import Credentials
from syncline.extract.source import rest_source
from syncline.model.table import Table
from syncline.profile.loader import load_profile, parse, parse_profile
from syncline.profile.settings import resolved
from syncline.query.plan import plan
from syncline.sync import plan_of

PAGES = pages()
_FORBIDDEN = {
    "another place of files": r"(?<![\w.])/work\b|\bshared/",
    "the number of an issue": r"(?<![\w&/(])#\d+\b|\bissues? \d+",
    "praise": r"\b(?:seamless|blazing|effortless|powerful|revolutionary|best-in-class|world-class)",
    "an unfinished part": r"\b(?:TODO|FIXME|TBD|lorem ipsum)\b",
}
_ENVIRONMENT = {
    "API_TOKEN": "a", "CLIO_SECRET": "s", "CLICKTIME_TOKEN": "t", "DATABASE_PASSWORD": "p",
}  # fmt: skip


def _id(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_the_reference_is_fresh() -> None:
    found = subprocess.run(
        [sys.executable, ROOT / "docs" / "generate.py", "--check"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout + found.stderr


def test_everything_in_a_project_file_is_described() -> None:
    models: list[type[BaseModel]] = [Project, ConnectionSpec, JobSpec, TaskSpec, DeletesSpec]
    for model in (*models, *MODELS.values()):
        silent = [name for name, field in model.model_fields.items() if not field.description]
        assert not silent, f"{model.__name__}: {silent}"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"https?://", link):
            continue
        target, _, anchor = link.partition("#")
        place = (page.parent / target).resolve() if target else page
        assert place.exists(), f"{link} leads nowhere"
        if anchor:
            assert anchor in anchors(place), f"{link}: there is no such heading"


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_no_page_says_what_is_none_of_the_reader_s_business(page: Path) -> None:
    text = page.read_text("utf-8")
    for what, pattern in _FORBIDDEN.items():
        found = re.search(pattern, text, re.IGNORECASE)
        assert found is None, f"{what}: {found and found[0]!r}"


def test_the_decision_on_libraries_names_what_is_installed() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project = tomllib.load(file)
    optional = project["project"]["optional-dependencies"]
    drivers = [d for name in ("databricks", "postgres", "sqlserver") for d in optional[name]]
    wanted = [*project["project"]["dependencies"], *drivers]
    text = (ROOT / "docs" / "adr" / "0004-libraries.md").read_text("utf-8")
    rows = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    told = {name for row in rows[1:] for name in row.split(", ")} - {"---"}
    assert told == {re.split(r"[<>=\[]", name)[0] for name in wanted}


def test_the_readme_says_how_many_tables_the_demo_copies() -> None:
    assert f"copies {len(demonstration._TABLES)} tables" in (ROOT / "README.md").read_text("utf-8")


def test_pictures_are_whole_and_ask_for_nothing_elsewhere() -> None:
    pictures = list((ROOT / "docs" / "images").glob("*.svg"))
    assert pictures
    for picture in pictures:
        text = picture.read_text("utf-8")
        assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314 (a file of ours)
        assert not re.search(r"(?:href|src|url)\W+https?:", text)


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "README.md"
    reached = {(index.parent / link.partition("#")[0]).resolve() for link in links(index)}
    missing = [_id(p) for p in PAGES if p.is_relative_to(index.parent) and p != index
               and p not in reached]  # fmt: skip
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=_id)
def test_commands_on_a_page_exist(page: Path) -> None:
    texts = [(str(b), b.text) for b in all_blocks("sh", "ini", "crontab") if b.page == page]
    texts += [(_id(page), span) for span in spans(page) if span.startswith("syncline ")]
    for place, text in texts:
        for words in commands(text):
            _parsed(words, place)


def _parsed(words: Any, place: str) -> None:
    """Let the command line itself parse the words."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("syncline", [], resilient_parsing=True)
    rest = list(words)
    while rest and getattr(command, "commands", None) and not rest[0].startswith("-"):
        name, *rest = rest
        command = command.get_command(context, name)
        assert command is not None, f"{place}: there is no command syncline {name}"
    try:
        command.make_context("syncline", rest, resilient_parsing="--help" in rest or not rest)
    except Exception as error:
        raise AssertionError(f"{place}: syncline {' '.join(words)}: {error}") from error


@pytest.mark.parametrize("block", all_blocks("yaml"), ids=str)
async def test_examples_in_yaml_are_sound(block: Block) -> None:
    content = yaml.safe_load(block.text)
    if isinstance(content, dict) and {"connections", "jobs"} & set(content):
        await _check_project(block, content)
    elif isinstance(content, dict) and "tables" in content:
        parse_profile(block.text, str(block))
    elif isinstance(content, dict):
        for name, spec in content.items():
            _check_connection(name, ConnectionSpec.model_validate(spec))
    else:
        assert isinstance(content, list), (
            f"{block}: neither project, profile, connections nor tasks"
        )
        for task in content:
            TaskSpec.model_validate(task)


async def test_examples_of_queries_can_be_planned() -> None:
    source = load_profile("clio")
    project = Project.model_validate(
        {"connections": {"clio": {"type": "api", "properties": {"Profile": source.name}}}}
    )
    tables = await _tables(project, "clio")
    texts = [b.text for b in all_blocks("sql") if b.page.name == "query.md"]
    queries = [query for text in texts for query in re.split(r";\n+", text) if query]
    assert len(queries) > 3
    for query in queries:
        given = dict.fromkeys(re.findall(r"@(\w+)", query), "2026-01-01")
        assert plan(query, tables, parameters=given).scans


async def _check_project(block: Block, content: dict[str, Any]) -> None:
    """Check all of a project that can be checked without a database."""
    if "connections" not in content:
        for job in content["jobs"].values():
            JobSpec.model_validate({"source": "source", "destination": "destination", **job})
        for channel in content.get("channels", {}).values():
            ChannelSpec.model_validate(channel)
        return
    project = parse(block.text, str(block), Project, ProjectError)
    for name, spec in project.connections.items():
        _check_connection(name, spec)
    for name, job in project.jobs.items():
        tables = await _tables(project, job.source)
        for task in tasks_of(name, job):
            assert plan_of(task, tables, SystemClock()).scans


def _check_connection(name: str, spec: ConnectionSpec) -> Any:
    given = spec.properties
    pairs = parse_pairs(given) if isinstance(given, str) else given
    return properties_of(MODELS[spec.type], substituted(name, pairs, _ENVIRONMENT))


async def _tables(project: Project, name: str) -> dict[str, Table]:
    given = _check_connection(name, project.connections[name])
    written = next((b.text for b in all_blocks("yaml") if b.file == given.profile), None)
    profile = parse_profile(written, given.profile) if written else load_profile(given.profile)
    source = rest_source(
        profile=profile,
        settings=resolved(profile, given.settings),
        credentials=Credentials(client_id="id", client_secret="secret"),
        clock=SystemClock(),
    )
    try:
        return dict(await source.tables())
    finally:
        await source.aclose()
