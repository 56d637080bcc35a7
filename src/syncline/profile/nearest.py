"""The known word that was probably meant."""

from collections.abc import Iterable
from difflib import get_close_matches

#: More words than this are no help in a complaint.
_LISTED = 24


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word most like ``word``, whatever its case; None if none is."""
    by_case = {w.lower(): w for w in known}
    close = get_close_matches(word.lower(), by_case, n=1, cutoff=0.7)
    return by_case[close[0]] if close else None


def near(word: str, known: Iterable[str]) -> str:
    """Return "; did you mean …?" for the nearest known word, else the known words, else ""."""
    words = list(known)
    meant = nearest(word, words)
    if meant is not None:
        return f"; did you mean {meant!r}?"
    return f"; known: {', '.join(words)}" if words and len(words) <= _LISTED else ""
