"""The commands `apply`, `diff`, `export` and `reseal`: a project file and the store."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from syncline.cli import failures
from syncline.cli.control import opened, sitting_here
from syncline.control.fetching import obtain_profile
from syncline.control.project import load_project
from syncline.control.usecases import keys
from syncline.control.usecases.project_files import (
    Change,
    apply_project,
    compare_project,
    export_project,
)
from syncline.control.yaml_writing import written
from syncline.errors import PropertyError

_SIGNS = {"create": "[green]+[/]", "change": "[yellow]~[/]", "delete": "[red]-[/]"}


async def apply(file: Path, store: str | None, *, prune: bool, console: Console) -> int:
    """Make the store what a file says; return the exit code."""
    project = load_project(file)
    async with opened(store) as plane:
        for spec in project.connections.values():
            await obtain_profile(spec.properties, plane.reach)
        async with plane.changing(sitting_here()) as work:
            changes = await apply_project(work, project, prune=prune)
    _show(changes)
    console.print(_summary(changes))
    return 0


async def diff(file: Path, store: str | None, *, prune: bool) -> int:
    """Show what `apply` would do; 1 if that is anything."""
    project = load_project(file)
    async with opened(store) as plane:
        for spec in project.connections.values():
            await obtain_profile(spec.properties, plane.reach)
        async with plane.looking(sitting_here()) as work:
            changes = await compare_project(work, project, prune=prune)
    _show(changes)
    return failures.FAILED if changes else 0


async def export(
    store: str | None, output: Path | None, *, jobs: Sequence[str], sealed: bool, console: Console
) -> int:
    """Write the store as a project file."""
    async with opened(store) as plane, plane.looking(sitting_here()) as work:
        exported = await export_project(
            work, secrets="sealed" if sealed else "variables", only=jobs
        )
    text = written(exported.document)
    if output is None:
        print(text, end="")  # noqa: T201 (the command's result)
    else:
        _save(output, text)
    if exported.variables:
        names = ", ".join(exported.variables)
        console.print(f"Secrets are in these environment variables: {names}", soft_wrap=True)
    return 0


async def reseal(store: str | None) -> int:
    """Seal every secret with the newest key."""
    async with opened(store) as plane, plane.changing(sitting_here()) as work:
        count = await keys.reseal(work)
    Console(highlight=False).print(f"{count} secret{'' if count == 1 else 's'} sealed anew")
    return 0


def _save(output: Path, text: str) -> None:
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise PropertyError(
            f"cannot write {output}: {(error.strerror or str(error)).lower()}",
            hint="choose another --output",
        ) from error


def _show(changes: Sequence[Change]) -> None:
    out = Console(highlight=False)
    for change in changes:
        out.print(f"{_SIGNS[change.action]} {change.kind} {escape(change.name)}", soft_wrap=True)
        if change.action != "change":
            continue
        for place, (before, after) in change.differences.items():
            shown = f"{_value(before)} → {_value(after)}"
            out.print(f"    {escape(place)}: {escape(shown)}", soft_wrap=True)


def _value(value: object) -> str:
    return "nothing" if value is None else str(value)


def _summary(changes: Sequence[Change]) -> str:
    if not changes:
        return "nothing to do: the store is what the file says"
    counts = {a: sum(c.action == a for c in changes) for a in ("create", "change", "delete")}
    return ", ".join(f"{count} {action}d" for action, count in counts.items() if count)
