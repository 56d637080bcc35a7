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


def with_key_as_auth(profile: dict[str, Any]) -> dict[str, Any]:
    """Return a profile whose tables all send a secret in the address, with that as its auth.

    There it is cut from logs, and sent with every page.
    """
    secrets = {n for n, s in (profile.get("settings") or {}).items() if s.get("secret")}
    shared = [
        {(n, v) for n, v in (table.get("parameters") or {}).items() if str(v)[1:-1] in secrets}
        for table in profile["tables"].values()
    ]
    if profile["auth"] != [{"scheme": "None"}] or not shared or len(shared[0]) != 1:
        return profile
    if any(each != shared[0] for each in shared):
        return profile
    ((name, value),) = shared[0]
    tables = {}
    for key, table in profile["tables"].items():
        left = {n: v for n, v in table["parameters"].items() if n != name}
        tables[key] = {k: v for k, v in table.items() if k != "parameters"} | (
            {"parameters": left} if left else {}
        )
    return profile | {
        "auth": [{"scheme": "APIKey", "parameter": name, "value": value}],
        "tables": tables,
    }


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
