"""YAML that is too deep to be parsed, or endless once its aliases are followed, is found out first.

The parser calls itself for every level, so a text of brackets would end the whole process.
"""

from typing import Any

import yaml

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: Levels that are allowed. What has fewer brackets and shorter lines cannot have many more.
DEEPEST = 200
_HARMLESS = 1500
#: Values that a document may have, those behind aliases counted each time.
MOST = 500_000


def too_deep(text: str) -> str:
    """Return what is wrong with a text that must not be parsed; '' if it may be."""
    flow = text.count("[") + text.count("{")
    if flow <= _HARMLESS and max(map(len, text.splitlines()), default=0) <= _HARMLESS:
        return ""
    depth = 0
    try:
        # Events come one after the other: nothing calls itself.
        for event in yaml.parse(text, Loader=_Loader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > DEEPEST:
                mark = event.start_mark
                where = f", in line {mark.line + 1}" if mark is not None else ""
                return f"more than {DEEPEST} levels inside each other{where}"
    except yaml.YAMLError:
        return ""  # whoever parses it says where
    return ""


def too_large(content: Any) -> str:
    """Return what is wrong with parsed YAML that nobody could go through; '' if all is well."""
    try:
        return "" if _size(content, {}, set()) <= MOST else f"more than {MOST} values, by aliases"
    except RecursionError:
        return "an alias inside of what it stands for"


def _size(value: Any, known: dict[int, int], above: set[int]) -> int:
    """Return the number of values, each one that is shared computed once."""
    if not isinstance(value, dict | list):
        return 1
    mark = id(value)
    if mark in known:
        return known[mark]
    if mark in above:
        raise RecursionError
    above.add(mark)
    inside = value.values() if isinstance(value, dict) else value
    known[mark] = 1 + sum(_size(each, known, above) for each in inside)
    above.discard(mark)
    return known[mark]
