"""A profile made of what another product has, and what of that is not in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from syncline.profile.check import contradictions
from syncline.profile.schema import Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The result of an import."""

    #: The YAML text.
    text: str
    tables: tuple[str, ...]
    #: By table: why it is not imported.
    refused: Mapping[str, str]
    #: By table, '' for all of it: what was left out, or is done another way.
    notes: Mapping[str, tuple[str, ...]]


def unsound(profile: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the tables of a profile that cannot stay, and why; what fans out over one is too."""
    tables = profile["tables"]
    found: dict[str, str] = {}
    for name in tables:
        whole = {**profile, "tables": {name: tables[name], **_above(name, tables)}}
        try:
            contradicting = contradictions(Profile.model_validate(whole))
            why = contradicting[0][1] if contradicting else ""
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            why = f"{'.'.join(map(str, first['loc'][2:]))}: {first['msg']}"
        if why:
            found[name] = why
    return found


def _above(name: str, tables: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    parent = tables[name].get("fan_out", {}).get("parent")
    while parent in tables and parent not in found:
        found[parent] = tables[parent]
        parent = tables[parent].get("fan_out", {}).get("parent")
    return found
