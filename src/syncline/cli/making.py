"""The `profile generate` and `profile infer` commands."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from syncline.control.unprofiled import downloaded
from syncline.errors import ProfileError, PropertyError
from syncline.profile.openapi.document import read_document
from syncline.profile.openapi.generate import generate as generated


async def generate(
    openapi: str, tables: Sequence[str], output: Path | None, console: Console
) -> int:
    """Write the profile of a document, and say what is open in it."""
    text = await _document(openapi)
    found = generated(read_document(text, openapi), tables=names(tables))
    _write(found.text, output)
    profile = found.profile
    children = sum(len(t.children) for t in profile.tables.values())
    console.print(
        f"[green]ok[/] {escape(profile.name)}: {len(profile.tables)} tables, and {children} of "
        "lists inside their records"
    )
    if found.questions:
        console.print(f"   {found.questions} questions are open: look for '# ?'")
    if found.left and not tables:
        console.print(f"   {len(found.left)} lists are no tables: see the end of the file")
    if output is not None:
        console.print(f"   next: syncline profile check {escape(str(output))} --live")
    return 0


def names(given: Sequence[str]) -> list[str]:
    """Return the names of an option that may be given again, and may hold several."""
    return [name.strip() for each in given for name in each.split(",") if name.strip()]


async def _document(place: str) -> bytes:
    if "://" in place:
        return await downloaded(place)
    try:
        return await asyncio.to_thread(Path(place).read_bytes)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ProfileError(f"cannot read {place}: {reason}") from error


def _write(text: str, output: Path | None) -> None:
    """Write a new file, or to standard output. Raises `PropertyError` if it cannot be written."""
    if output is None:
        print(text, end="")  # noqa: T201 (the command's result)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise PropertyError(
            f"{output} is there already", hint="choose another --output, or remove it first"
        ) from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PropertyError(
            f"cannot write {output}: {reason}", hint="choose another --output"
        ) from error
