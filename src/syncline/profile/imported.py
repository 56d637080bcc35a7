"""A profile made of what another product has, and what of that is not in it."""

from collections.abc import Mapping
from dataclasses import dataclass


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
