"""An .apip archive or a single .rsd file as a profile."""

import re
from collections import Counter
from collections.abc import Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from syncline.errors import ProfileError
from syncline.profile.archive import ONE, members
from syncline.profile.cdata.script import parsed
from syncline.profile.cdata.tables import Schema, schema_of
from syncline.profile.cdata.texts import Inputs, Refused
from syncline.profile.imported import Imported, unsound
from syncline.profile.writing import written

_NOT_IN_NAMES = re.compile(r"[\s.{}\[\]\"']+")


def imported(path: Path, name: str) -> Imported:
    """Return the tables of an .apip or .rsd file as a profile called ``name``.

    Raises `ProfileError` for a file that cannot be read, or of which no table can be imported.
    """
    files = _files(path)
    inputs = Inputs()
    refused: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    schemas: dict[str, Schema] = {}
    for file, content in files.items():
        table = _NOT_IN_NAMES.sub("_", PurePosixPath(file.replace("\\", "/")).stem)
        if file.lower().endswith(".rsb"):
            notes.setdefault("", []).append(f"{file} is left out: a stored procedure")
            continue
        note = partial(_note, notes.setdefault(table, []))
        try:
            script = parsed(content, f"{path.name}/{file}")
            schemas[table] = schema_of(script, inputs, note)
        except (Refused, ProfileError) as error:
            refused[table] = str(error)
    profile = _profile(name, schemas, inputs)
    for table, why in unsound(profile).items():
        refused[table] = why
        del profile["tables"][table]
    if not profile["tables"]:
        whys = "; ".join(f"{n}: {w}" for n, w in list(refused.items())[:5])
        raise ProfileError(
            f"{path}: none of its tables can be imported: {whys or 'it has no .rsd file'}"
        )
    head = [
        "Made from schema files of CData's API Driver, as far as they tell; check it with --live.",
        "? How does the API know who is asking? The files do not say: see 'auth'.",
        *(f"Not imported: {n}: {why}" for n, why in refused.items()),
    ]
    return Imported(
        text=written(head, profile),
        tables=tuple(profile["tables"]),
        refused=refused,
        notes={k: tuple(v) for k, v in notes.items() if v and k not in refused},
    )


def _note(notes: list[str], text: str) -> None:
    if text not in notes:
        notes.append(text)


def _files(path: Path) -> Mapping[str, bytes]:
    if path.suffix.lower() != ".rsd":
        return members(path, (".rsd", ".rsb"), shown=str(path))
    try:
        if path.stat().st_size > ONE:
            raise ProfileError(f"{path}: it is too large for a schema file")
        return {path.name: path.read_bytes()}
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ProfileError(f"cannot read {path}: {reason}") from error


def _profile(name: str, schemas: Mapping[str, Schema], inputs: Inputs) -> dict[str, Any]:
    base = Counter(schema.base_url for schema in schemas.values()).most_common(1)
    base_url = base[0][0] if base else ""
    profile: dict[str, Any] = {
        "name": _NOT_IN_NAMES.sub("_", name),
        "checked": "Imported from schema files of CData's API Driver; not yet checked.",
    }
    auth = _auth(schemas)
    if inputs.settings:
        profile["settings"] = inputs.settings
    profile["auth"] = auth
    profile["base_url"] = base_url
    profile["tables"] = {
        table: ({} if schema.base_url == base_url else {"base_url": schema.base_url}) | schema.table
        for table, schema in schemas.items()
    }
    return profile


def _auth(schemas: Mapping[str, Schema]) -> list[dict[str, Any]]:
    """Take what proves who asks out of the headers, where all tables send the same."""
    sent = [
        {n: v for n, v in schema.table.get("headers", {}).items() if n.lower() == "authorization"}
        for schema in schemas.values()
    ]
    if not sent or not sent[0] or any(each != sent[0] for each in sent):
        return [{"scheme": "None"}]
    ((header, value),) = sent[0].items()
    for schema in schemas.values():
        del schema.table["headers"][header]
        if not schema.table["headers"]:
            del schema.table["headers"]
    return [{"scheme": "Token", "value": value}]
