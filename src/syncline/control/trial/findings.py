"""What a trial finds out about a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

#: So many names are listed in a sentence.
_LISTED = 8


class Verdict(StrEnum):
    """What was found out."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a profile says of a table, and whether it is so."""

    #: types, key, pages, filter, projection, changes or read.
    about: str
    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport:
    """All that was found out about a table."""

    table: str
    findings: Sequence[Finding]

    @property
    def verdict(self) -> Verdict:
        """Wrong if anything is; ok if something is and nothing is wrong."""
        found = {finding.verdict for finding in self.findings}
        return next((v for v in (Verdict.WRONG, Verdict.OK) if v in found), Verdict.UNKNOWN)


def ok(about: str, why: str) -> Finding:
    """Return a finding that something is as the profile says."""
    return Finding(about=about, verdict=Verdict.OK, why=why)


def wrong(about: str, why: str) -> Finding:
    """Return a finding that something is not as the profile says."""
    return Finding(about=about, verdict=Verdict.WRONG, why=why)


def unknown(about: str, why: str) -> Finding:
    """Return a finding that nothing could be found out, and why."""
    return Finding(about=about, verdict=Verdict.UNKNOWN, why=why)


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence has them; of many, the first."""
    every = list(names)
    more = len(every) - _LISTED
    return ", ".join(every[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def counted(count: int, what: str) -> str:
    """Return a number of things in words: ``1 row``, ``2 rows``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
