"""What differs between two documents, place by place."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

#: Place -> (before, after); None for what is not there.
Differences: TypeAlias = dict[str, tuple[object, object]]


def differences(before: object, after: object, place: str = "") -> Differences:
    """Return what differs, by dotted place; lists are compared whole unless equally long."""
    return dict(_differences(before, after, place))


def _differences(
    before: object, after: object, place: str
) -> Iterator[tuple[str, tuple[object, object]]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{place}.{key}" if place else str(key)
            yield from _differences(before.get(key), after.get(key), inner)
    elif before != after:
        yield place, (before, after)
