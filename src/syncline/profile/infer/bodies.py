"""Where the records stand in an answer, and what stands around them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from syncline.profile.openapi.naming import singular

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


def single_path(body: Any, named: str, found: str | None) -> str | None:
    """Return the dotted path of an object that may be a list of one; None if there is none.

    Some APIs, and XML as such, do not write a list of one otherwise than an object. ``named``: the
    last word of the address; ``found``: where a list is, which may be inside the object.
    """
    every = [(path, value) for path, value in around(body) if isinstance(value, Mapping) and value]
    for path, _ in every:
        if len(path) > 1 and _one_of(path[-1], path[-2]) and _may_hold(".".join(path), found):
            return ".".join(path)
    if found is not None or any(value == [] for _, value in around(body)):
        return None
    wanted = {*_COMMON, named.lower()}
    return next((".".join(path) for path, _ in every if path[-1].lower() in wanted), None)


def keyed_path(body: Any, found: str | None) -> str | None:
    """Return the dotted path of an object whose members are records; '' for the body itself.

    ``found``: where a list is, which may be inside one of them. Names of members must be numbers,
    or stand in the records, too: else they are what an object has.
    """
    for path, value in [((), body), *around(body)]:
        holds = found is None or (found + ".").startswith("".join(f"{step}." for step in path))
        if isinstance(value, Mapping) and len(value) > 1 and holds and found != ".".join(path):
            inside = value.values()
            if all(isinstance(each, Mapping) and each for each in inside) and all(
                name.isdecimal() or name in map(str, each.values()) for name, each in value.items()
            ):
                return ".".join(path)
    return None


def alike(one: Record, others: Sequence[Record]) -> bool:
    """Say whether a record has half of what others have, or more."""
    known = {name for other in others for name in other}
    return 2 * len(known & one.keys()) >= max(len(one), 1)


def _one_of(name: str, above: str) -> bool:
    name, above = name.lower(), above.lower()
    return name != above and (singular(above) == name or above == f"arrayof{name}")


def _may_hold(path: str, found: str | None) -> bool:
    return found is None or found.startswith(f"{path}.")


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
