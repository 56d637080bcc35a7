"""Where a place stands in a YAML text, and that line with a caret below it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import yaml

Place: TypeAlias = tuple[int | str, ...]

#: Characters of a line that are shown.
_SHOWN = 120
#: Of a line that is cut, so many stand before the caret.
_BEFORE = 40


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Spot:
    """A line and a column of a text; both begin with 1."""

    line: int = 1
    column: int = 1


def spot_of(root: yaml.Node | None, place: Sequence[int | str], *, key: bool = False) -> Spot:
    """Return where the deepest part of a place that stands in the text begins.

    That is its value, where that stands on the line of its key; with ``key``, always the key.
    """
    spot, node = Spot(), root
    for part in place:
        named: yaml.Node | None = None
        if isinstance(node, yaml.MappingNode):
            named = next((k for k, _ in node.value if k.value == str(part)), None)
        node = inside(node, part)
        if node is None:
            break
        spot = _spot(node)
        if named is not None:
            # What an alias stands for is written elsewhere.
            beside = spot.line == _spot(named).line and spot > _spot(named)
            spot = spot if beside and not key else _spot(named)
    return spot


def inside(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    """Return what a mapping or list has at a key or number; None if it has nothing there."""
    if isinstance(node, yaml.MappingNode):
        return next((v for k, v in node.value if k.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None


def pointed(lines: Sequence[str], spot: Spot) -> str:
    """Return the line of a spot and, below it, a caret; of a long line, the part around it.

    A spot after the last line is shown behind the end of that.
    """
    line, column = spot.line - 1, spot.column - 1
    if line >= len(lines):
        line, column = len(lines) - 1, len(lines[-1]) if lines else 0
    text = lines[line] if lines else ""
    if len(text) > _SHOWN:
        first = max(min(column - _BEFORE, len(text) - _SHOWN), 0)
        after = "…" if first + _SHOWN < len(text) else ""
        text = f"{'…' if first else ''}{text[first : first + _SHOWN]}{after}"
        column -= first - bool(first)
    # Tabs are as wide below as they are above.
    indent = re.sub(r"[^\t]", " ", text[:column]).ljust(column)
    return f"{text}\n{indent}^"


def _spot(node: yaml.Node) -> Spot:
    return Spot(line=node.start_mark.line + 1, column=node.start_mark.column + 1)
