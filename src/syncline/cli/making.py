"""The `profile generate` and `profile infer` commands."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from syncline.cli.output import Format, write
from syncline.control.references import substituted
from syncline.control.unprofiled import downloaded, inferred, preview, request_of, tokens_of
from syncline.errors import ProfileError, PropertyError
from syncline.profile.infer.draft import access, refuse_secrets
from syncline.profile.loader import parse_profile
from syncline.profile.openapi.document import read_document
from syncline.profile.openapi.generate import generate as generated
from syncline.profile.writing import questions, written


async def generate(
    openapi: str,
    tables: Sequence[str],
    output: Path | None,
    console: Console,
    *,
    effort: float = 1.0,
) -> int:
    """Write the profile of a document, and say what is open in it."""
    text = await _document(openapi)
    found = generated(read_document(text, openapi, effort=effort), tables=names(tables))
    _write(found.text, output)
    profile = found.profile
    children = sum(len(t.children) for t in profile.tables.values())
    console.print(
        f"[green]ok[/] {escape(profile.name)}: tables {len(profile.tables)}, "
        f"of lists inside their records {children}"
    )
    if found.questions:
        console.print(f"   open questions: {found.questions}; look for '# ?'")
    if found.left and not tables:
        console.print(f"   lists that are no tables: {len(found.left)}; see the end of the file")
    if output is not None:
        console.print(f"   next: syncline profile check {escape(str(output))} --live -c …")
    return 0


async def infer(
    url: str,
    *,
    auth: str,
    headers: Sequence[str],
    name: str,
    pages: int,
    output: Path | None,
    console: Console,
) -> int:
    """Write the profile of the list at an address, and show its first rows."""
    request = request_of(url)
    given = _headers(headers)
    refuse_secrets(request, given)
    granted = access(str(substituted("--auth", {"auth": auth})["auth"]))
    tokens = tokens_of(granted)
    content, learnt = await inferred(
        request, granted, headers=given, name=name, pages=pages, tokens=tokens
    )
    head = ("", "Made by 'syncline profile infer'. Lines with '# ?' are open questions.", "")
    text = written(head, content)
    profile = parse_profile(text, "the inferred profile")
    _write(text, output)
    console.print(
        f"[green]ok[/] {escape(profile.name)}: {learnt.asked} requests, {learnt.records} records; "
        f"pages read: {learnt.pages}"
    )
    if count := questions(content):
        console.print(f"   open questions: {count}; look for '# ?'")
    table = next(iter(profile.tables))
    rows = await preview(profile, granted, table, tokens=tokens)
    # The profile is the result; what it reads is shown beside it.
    write(rows, Format.TABLE, None, console)
    return 0


def _headers(given: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in given:
        name, colon, value = each.partition(":")
        if not colon or not name.strip():
            raise PropertyError(
                f"the header {each!r} has no value", hint="write --header 'Name: value'"
            )
        found[name.strip()] = value.strip()
    return found


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
