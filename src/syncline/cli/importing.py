"""The `profile import` commands: the profile, and a report table by table."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from syncline.errors import ProfileError, PropertyError
from syncline.profile.airbyte.document import imported as imported_manifest
from syncline.profile.cdata.document import imported as imported_schemas
from syncline.profile.imported import Imported
from syncline.profile.loader import parse_profile

#: Folders of a connector's package that are no name for it.
_NO_NAME = {"", ".", "src", "resources"}


async def airbyte(file: Path, name: str, output: Path | None, console: Console) -> int:
    """Write the profile of a manifest, and say what is not in it."""
    text = _read(file)

    def schema(path: str) -> Any:
        # Connectors are started beside their package, or in it.
        for folder in (file.parent, file.parent / "schemas", file.parent.parent):
            found = folder / (path if folder != file.parent / "schemas" else Path(path).name)
            inside = found.resolve().is_relative_to(file.parent.parent.resolve())
            if inside and found.is_file():
                return _json(found)
        return None

    found = imported_manifest(text, str(file), name=name or _name(file), schema=schema)
    return _done(found, output, console)


async def cdata(file: Path, name: str, output: Path | None, console: Console) -> int:
    """Write the profile of schema files of CData's, and say what is not in it."""
    return _done(imported_schemas(file, name or _name(file)), output, console)


def _name(file: Path) -> str:
    stem = file.stem.removeprefix("source_").removeprefix("source-")
    if stem == "manifest":
        stem = file.resolve().parent.name.removeprefix("source_").removeprefix("source-")
    return stem if stem not in _NO_NAME else "imported"


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ProfileError(f"cannot read {file}: it is not UTF-8 text") from error
    except OSError as error:
        raise ProfileError(
            f"cannot read {file}: {(error.strerror or str(error)).lower()}"
        ) from error


def _json(file: Path) -> Any:
    try:
        return json.loads(_read(file))
    except (ValueError, RecursionError) as error:
        raise ProfileError(f"cannot read {file}: it is not JSON") from error


def _done(found: Imported, output: Path | None, console: Console) -> int:
    # Before anybody gets it: what was made must be a profile.
    profile = parse_profile(found.text, str(output or "the imported profile"))
    _write(found.text, output)
    for table in found.tables:
        console.print(f"[green]ok[/] {escape(table)}")
        for note in found.notes.get(table, ()):
            console.print(f"   [dim]{escape(note)}[/]", soft_wrap=True)
    for table, why in found.refused.items():
        console.print(f"[yellow]not imported[/] {escape(table)}: {escape(why)}", soft_wrap=True)
    for note in found.notes.get("", ()):
        console.print(f"[dim]{escape(note)}[/]", soft_wrap=True)
    console.print(
        f"{escape(profile.name)}: {len(found.tables)} tables imported, {len(found.refused)} not"
    )
    return 0


def _write(text: str, output: Path | None) -> None:
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
        raise PropertyError(
            f"cannot write {output}: {(error.strerror or str(error)).lower()}",
            hint="choose another --output",
        ) from error
