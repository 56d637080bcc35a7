"""The `profile check --live` command: a profile held against its API."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from syncline.cli import failures
from syncline.cli.making import names
from syncline.control.clock import SystemClock
from syncline.control.connections import opened_api, source_properties
from syncline.control.fetching import obtained
from syncline.control.project import load_project
from syncline.control.properties import ApiProperties, parse_pairs, properties_of
from syncline.control.references import substituted
from syncline.control.trial.findings import TableReport, Verdict
from syncline.control.trial.reading import Overheard
from syncline.control.trial.tables import Trial
from syncline.errors import ProjectError
from syncline.model.run import Event, Waiting
from syncline.profile.loader import load_profile
from syncline.profile.nearest import near
from syncline.profile.schema import Profile

_IN_FILE = re.compile(r"(?P<file>.+\.ya?ml):(?P<name>[^:/\\=;]+)")
_STYLES = {Verdict.OK: "green", Verdict.WRONG: "bold red", Verdict.UNKNOWN: "yellow"}


async def live(
    name: str,
    connection: str,
    *,
    tables: Sequence[str],
    most: int,
    format_: str,
    console: Console,
) -> int:
    """Report on every table; the exit code says whether anything is wrong."""
    await obtained(name)
    profile = load_profile(name)
    only = _tables(profile, names(tables))
    named, properties = _properties(name, connection)
    overheard = Overheard()
    out = Console(highlight=False)

    def waiting(event: Event) -> None:
        if isinstance(event, Waiting):
            console.print(f"[dim]waiting {event.seconds:.0f} s: {event.reason}[/]")

    counts = dict.fromkeys(Verdict, 0)
    async with opened_api(
        named, properties, profile, SystemClock(),
        observe=waiting, say=console.print, watch=overheard,
    ) as source:  # fmt: skip
        trial = Trial(source=source, profile=profile, overheard=overheard, most=most)
        async for report in trial.reports(only):
            counts[report.verdict] += 1
            _show(report, format_, out)
    console.print(
        f"{counts[Verdict.OK]} tables ok, {counts[Verdict.WRONG]} wrong, "
        f"{counts[Verdict.UNKNOWN]} of which nothing could be told"
    )
    return failures.FAILED if counts[Verdict.WRONG] else 0


def _show(report: TableReport, format_: str, out: Console) -> None:
    if format_ == "json":
        found = [{"about": f.about, "verdict": f.verdict, "why": f.why} for f in report.findings]
        line = {"table": report.table, "verdict": report.verdict, "findings": found}
        print(json.dumps(line, ensure_ascii=False))  # noqa: T201 (the command's result)
        return
    out.print(f"[{_STYLES[report.verdict]}]{report.verdict}[/] [bold]{escape(report.table)}[/]")
    for finding in report.findings:
        style = _STYLES[finding.verdict]
        out.print(
            f"   [{style}]{finding.verdict}[/] {escape(f'{finding.about}: {finding.why}')}",
            soft_wrap=True,
        )


def _tables(profile: Profile, wanted: Sequence[str]) -> list[str]:
    known = {
        each.lower(): each for name, t in profile.tables.items() for each in (name, *t.children)
    }
    for name in wanted:
        if name.lower() not in known:
            raise ProjectError(
                f"{profile.name} has no table {name!r}{near(name, known.values())}",
                hint="'syncline profile show PROFILE' lists them",
            )
    return [known[name.lower()] for name in wanted]


def _properties(profile: str, connection: str) -> tuple[str, ApiProperties]:
    """Return a connection's name, under which its tokens are kept, and its properties."""
    if match := _IN_FILE.fullmatch(connection):
        project = load_project(Path(match["file"]))
        if match["name"] not in project.connections:
            raise ProjectError(
                f"{match['file']} has no connection {match['name']!r}",
                hint=f"connections in it: {', '.join(project.connections)}",
            )
        return match["name"], source_properties(project, match["name"])
    pairs = {"Profile": profile, **(parse_pairs(connection) if connection else {})}
    return "command", properties_of(ApiProperties, substituted("--connection", pairs))
