"""What an import could not take over: tables that are refused, and parts that are left out."""

from dataclasses import dataclass, field


class Refused(Exception):
    """A part of a stream has no equal in profiles, so its table cannot be imported."""

    def __init__(self, what: str, why: str = "") -> None:
        super().__init__(f"{what}: {why}" if why else what)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Collects what to tell of an import, while it goes on."""

    #: By table: why it is not imported.
    refused: dict[str, str] = field(default_factory=dict)
    #: By table, '' for the profile as a whole: what was left out, or is done another way.
    notes: dict[str, list[str]] = field(default_factory=dict)

    def note(self, table: str, text: str) -> None:
        """Add a note, once."""
        notes = self.notes.setdefault(table, [])
        if text not in notes:
            notes.append(text)
