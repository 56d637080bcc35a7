"""Rights that the one user of the stand-in lacks, refused in Unity Catalog's words."""

import re
from dataclasses import dataclass, field
from typing import Final

from standins.databricks.engine import SqlError
from standins.databricks.volumes import ROOT
from standins.databricks.words import bare, meaning

PRINCIPAL: Final = "tester@example.com"
#: Who may not use the warehouse is told so by HTTP, before any statement.
CAN_USE: Final = "CAN USE"
_WRITES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE", "COPY"})
#: Needs no catalog.
_FREE: Final = re.compile(r"(?is)^\s*(SELECT\s+CURRENT_USER|SET\b|SELECT\s+1\s*(AS\s+\S+)?\s*$)")


@dataclass(slots=True)
class Rights:
    """What is missing, by its name, such as ``WRITE VOLUME``; everything else is granted."""

    missing: set[str] = field(default_factory=set)

    def statement(self, text: str, head: list[str]) -> None:
        """Refuse a statement that takes a right which is missing."""
        if not self.missing or _FREE.match(text):
            return
        for right, kind, name in _needed(text, head):
            if right in self.missing:
                said = _said(right, kind, name)
                raise SqlError(
                    f"[INSUFFICIENT_PERMISSIONS] Insufficient privileges:\n{said} SQLSTATE: 42501"
                )

    def file(self, method: str, remote: str) -> str:
        """Return why a call of the Files API is refused, or ''."""
        right = "READ VOLUME" if method in {"GET", "HEAD"} else "WRITE VOLUME"
        return _said(right, "Volume", _volume(remote)) if right in self.missing else ""

    @property
    def usable(self) -> bool:
        """Whether the warehouse may be used."""
        return CAN_USE not in self.missing

    @property
    def refusal(self) -> str:
        """What is said to those who may not use it."""
        return (
            f"{PRINCIPAL} is not authorized to use or monitor this SQL Endpoint. "
            "Please contact your administrator."
        )


def _said(right: str, kind: str, name: str) -> str:
    return f"User does not have {right} on {kind} '{name}'."


def _needed(text: str, head: list[str]) -> list[tuple[str, str, str]]:
    """Return the rights that a statement takes, in the order in which they are looked at."""
    catalog, schema, name = _names(text)
    needed = [("USE CATALOG", "Catalog", catalog)]
    if head[:2] == ["CREATE", "SCHEMA"]:
        return [*needed, ("CREATE SCHEMA", "Catalog", catalog)]
    if head[:2] in (["USE", "CATALOG"], ["SET", "CATALOG"], ["DESCRIBE", "CATALOG"]):
        return needed
    needed.append(("USE SCHEMA", "Schema", f"{catalog}.{schema}"))
    if head[0] == "CREATE" and head[1] in {"TABLE", "VOLUME"}:
        return [*needed, (f"CREATE {head[1]}", "Schema", f"{catalog}.{schema}")]
    if head[0] in {"PUT", "REMOVE"}:
        return [*needed, ("WRITE VOLUME", "Volume", _volume(text))]
    if ROOT in text:
        needed.append(("READ VOLUME", "Volume", _volume(text)))
    if head[0] in _WRITES:
        needed.append(("MODIFY", "Table", name))
    if head[0] == "SELECT" and ROOT not in text and "information_schema" not in text.lower():
        needed.append(("SELECT", "Table", name))
    return needed


def _names(text: str) -> tuple[str, str, str]:
    """Return the catalog, the schema and the whole name of what a statement is about."""
    words = meaning(text)
    for number, word in enumerate(words):
        if word.kind != "quoted":
            continue
        parts = [bare(word.text)]
        at = number
        while [w.text for w in words[at + 1 : at + 2]] == ["."]:
            parts.append(bare(words[at + 2].text))
            at += 2
        if len(parts) == 1 and _is_schema(text):
            return "main", parts[0], f"main.{parts[0]}"
        if len(parts) == 1:
            return parts[0], "default", parts[0]
        catalog = parts[0] if len(parts) == 3 or _is_schema(text) else "main"
        schema = parts[1] if catalog == parts[0] else parts[0]
        return catalog, schema, ".".join(parts)
    return "main", "default", "main.default"


def _is_schema(text: str) -> bool:
    return bool(re.match(r"(?is)^\s*(USE|CREATE|DESCRIBE)\s+SCHEMA\b", text))


def _volume(text: str) -> str:
    return ".".join(text.partition(ROOT)[2].split("/")[:3]).strip("'")
