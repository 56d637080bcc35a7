"""Names of tables: from the words of paths and schemas."""

import re
from collections.abc import Sequence

_PLACE = re.compile(r"\{([^{}]*)\}")
_ENDING = re.compile(r"\.(json|xml)$")
_VERSION = re.compile(r"v\d+(\.\d+)*")
_IRREGULAR = {"person": "people", "child": "children", "datum": "data", "index": "indices"}
_SINGULAR = {plural: singular for singular, plural in _IRREGULAR.items()}
_UNCHANGED = {"news", "series", "species", "status", "metadata", "settings", "analytics", "sms"}


def segments(path: str) -> list[str]:
    """Return the parts of a path between its slashes, without endings like ``.json``."""
    return [_ENDING.sub("", part) for part in path.split("/") if part]


def place_in(segment: str) -> str | None:
    """Return the name of the parameter that a segment is, or None if it is fixed."""
    match = _PLACE.fullmatch(segment)
    return match[1] if match else None


def words(text: str) -> list[str]:
    """Return the words of a name in any style, in lower case."""
    spaced = re.sub(r"([a-z0-9])([A-Z])|([A-Z]+)([A-Z][a-z])", r"\1\3 \2\4", text)
    return re.findall(r"[a-z0-9]+", spaced.lower())


def camel(text: str) -> str:
    """Return a name as tables have it: ``bank_accounts`` is BankAccounts."""
    return "".join(word[0].upper() + word[1:] for word in words(text))


def plural(word: str) -> str:
    """Return the plural of a name's last word."""
    head, last = _last(word)
    lower = last.lower()
    if lower in _UNCHANGED or singular(last) != last:
        return word
    if lower in _IRREGULAR:
        return head + _cased(_IRREGULAR[lower], last)
    if re.search(r"[^aeiou]y$", lower):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search(r"(s|x|z|ch|sh)$", lower) else f"{word}s"


def singular(word: str) -> str:
    """Return the singular of a name's last word."""
    head, last = _last(word)
    lower = last.lower()
    if lower in _UNCHANGED or re.search(r"(ss|us|is)$", lower):
        return word
    if lower in _SINGULAR:
        return head + _cased(_SINGULAR[lower], last)
    if lower.endswith("ies") and len(lower) > len("ties"):
        return f"{word[:-3]}y"
    if re.search(r"(ch|sh|x|z|ss|[tbrnp]us)es$", lower):
        return word[:-2]
    return word[:-1] if lower.endswith("s") else word


def snake(text: str) -> str:
    """Return a name as columns have it: BankAccount is ``bank_account``."""
    return "_".join(words(text))


def table_name(path: str, schema: str, taken: Sequence[str]) -> str:
    """Return a table's name that is not among those taken, in any case.

    The name of its records' schema, if the path ends on the same word and that is not much
    longer; else the path's own words, as many from its end as make it say something and unlike
    every other.
    """
    every = [s for s in segments(path) if not _VERSION.fullmatch(s)]
    fixed = [s for s in every if place_in(s) is None]
    places = [place for s in every if (place := place_in(s)) is not None]
    used = {name.lower() for name in taken}
    last = fixed[-1] if fixed else "records"
    by_schema = plural(camel(schema)) if schema else ""
    longer = len(words(by_schema)) - len(words(last))
    alike = by_schema.lower().endswith(camel(plural(last)).lower())
    if alike and longer <= _LONGER and by_schema.lower() not in used:
        return by_schema
    name = camel(last)
    generic = set(words(last)) <= _GENERIC
    for before in reversed(fixed[:-1]):
        if not generic and name.lower() not in used:
            break
        name, generic = camel(singular(before)) + name, False
    if name.lower() in used and places:
        name = f"{name}Of{camel(places[-1])}"
    number, free = 2, name or "Records"
    while free.lower() in used:
        free, number = f"{name}{number}", number + 1
    return free if not free[0].isdigit() else f"T{free}"


#: Words that the name of a schema may have beside the path's: GET /accounts lists BankAccounts, but
#: not V1QueriesSearchAccounts.
_LONGER = 2
#: Words that say nothing alone.
_GENERIC = frozenset({
    "list", "search", "all", "latest", "next", "previous", "status", "index", "query", "active",
    "current", "ids", "items"
})  # fmt: skip


def _last(word: str) -> tuple[str, str]:
    match = re.search(r"([A-Z]?[a-z0-9]+|[A-Z0-9]+s?)$", word)
    return (word[: match.start()], match[0]) if match else ("", word)


def _cased(word: str, like: str) -> str:
    return word[0].upper() + word[1:] if like[0].isupper() else word
