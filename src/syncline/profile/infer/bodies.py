"""Where the records stand in an answer, and what stands around them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

Record: TypeAlias = Mapping[str, Any]

#: Lists are looked for so deep.
_DEEPEST = 4
#: What lists are called where they are not called by what they list.
_COMMON = {"data", "items", "results", "records", "values", "list", "entries", "rows", "value"}


def records_path(body: Any) -> str | None:
    """Return the dotted path of the list of objects in a body; '' for the body itself.

    Of several: one that is commonly called so, else the longest of those nearest to the root.
    None if there is none, or only empty ones.
    """
    if _is_records(body):
        return ""
    found = [(path, value) for path, value in around(body) if _is_records(value)]
    if not found:
        return None
    nearest = min(len(path) for path, _ in found)
    top = [(path, value) for path, value in found if len(path) == nearest]
    named = [path for path, _ in top if path[-1].lower() in _COMMON]
    chosen = named[0] if named else max(top, key=lambda each: len(each[1]))[0]
    return ".".join(chosen)


def records_at(body: Any, path: str) -> list[Record] | None:
    """Return the records at a path; None if there is no list."""
    found = value_at(body, path) if path else body
    if not isinstance(found, list):
        return None
    return [record for record in found if isinstance(record, Mapping)]


def value_at(body: Any, path: str) -> Any:
    """Return the value at a dotted path; None if there is none."""
    for step in path.split("."):
        body = body.get(step) if isinstance(body, Mapping) else None
    return body


def around(body: Any, depth: int = _DEEPEST) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield path and value of every member of objects, what is nearer to the root first."""
    if not isinstance(body, Mapping) or depth == 0:
        return
    plain = {name: value for name, value in body.items() if name and "." not in name}
    for name, value in plain.items():
        yield (name,), value
    for name, value in plain.items():
        for path, inner in around(value, depth - 1):
            yield (name, *path), inner


def _is_records(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(each, Mapping) for each in value)
    )
