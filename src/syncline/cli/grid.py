"""Rows as a table for people: never wider than the terminal, and whole where there is none."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa
from rich.cells import cell_len, chop_cells, set_cell_size
from rich.text import Text

from syncline.model.table import is_json

#: Between two columns.
_GAP = "  "
_NULL = "NULL"
#: A column of text is not made narrower than this to make room for others; JSON is by itself.
_NARROW, _JSON = 24, 40
#: A heading is cut to this, where its values need less.
_HEADING = 12
#: So many rows are shown one below the other if their columns do not fit.
_FEW = 5
#: No terminal is narrower than this.
_TINY = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column, its values as texts."""

    name: str
    #: None: NULL.
    values: tuple[str | None, ...]
    right: bool
    #: Its values may be cut short.
    text: bool
    json: bool

    @property
    def widest(self) -> int:
        """Cells that the widest value takes."""
        return max((cell_len(_NULL if v is None else v) for v in self.values), default=0)

    @property
    def whole(self) -> int:
        """Cells that everything takes."""
        return max(self.widest, cell_len(self.name))

    @property
    def least(self) -> int:
        """Cells that are needed at least. Numbers and dates are never cut."""
        values = min(self.widest, _NARROW) if self.text else self.widest
        return max(values, min(cell_len(self.name), _HEADING))


def columns_of(rows: pa.Table, text_of: Callable[[object], str]) -> list[Column]:
    """Return a table's columns, values written by ``text_of`` and without control characters."""
    return [
        Column(
            name=_visible(field.name),
            values=tuple(
                None if value is None else _visible(text_of(value)) for value in column.to_pylist()
            ),
            right=_is_number(field.type),
            text=pa.types.is_string(field.type)
            or pa.types.is_large_string(field.type)
            or pa.types.is_binary(field.type),
            json=is_json(field),
        )
        for field, column in zip(rows.schema, rows.columns, strict=True)
    ]


def lines_of(columns: Sequence[Column], count: int, width: int | None) -> Iterator[Text]:
    """Yield the lines of a table of ``count`` rows.

    ``width``: of the terminal; None: there is none. What does not fit is told: of values by …, of
    columns by their number. Few rows of many columns are shown one below the other instead.
    """
    width = width if width is None else max(width, _TINY)
    told = f"{count:,} row{'' if count == 1 else 's'}"
    widths = _widths(columns, width)
    if len(widths) < len(columns) and width is not None and count <= _FEW:
        yield from _blocks(columns, count, width)
        yield _told(told, width)
        return
    yield _line([Text(c.name, style="bold") for c in columns], columns, widths)
    yield Text(_GAP.join("─" * w for w in widths), style="dim")
    for values in islice(zip(*(c.values for c in columns), strict=True), count):
        yield _line([_cell(value) for value in values], columns, widths)
    hidden = len(columns) - len(widths)
    if hidden:
        columns_ = f"column{'' if hidden == 1 else 's'}"
        more = f"… and {hidden} {columns_} more; --format csv, or name the columns"
        yield from (Text(part, style="yellow") for part in _chopped(more, width))
    yield _told(told, width)


def _widths(columns: Sequence[Column], width: int | None) -> list[int]:
    """Return the widths of the columns that are shown, from the first on."""
    if width is None:
        return [column.whole for column in columns]
    wanted = [min(c.whole, _JSON) if c.json else c.whole for c in columns]
    if _together(wanted) <= width:
        return wanted
    widths: list[int] = []
    for column in columns:
        if _together([*widths, column.least]) > width:
            break
        widths.append(column.least)
    if not widths:
        return [width]
    return _widened(widths, wanted, width)


def _widened(widths: Sequence[int], wanted: Sequence[int], width: int) -> list[int]:
    """Give what is left of the width to the narrowest of those that want more."""
    result = list(widths)
    left = width - _together(result)
    while left > 0:
        growing = [n for n, has in enumerate(result) if has < wanted[n]]
        if not growing:
            break
        result[min(growing, key=result.__getitem__)] += 1
        left -= 1
    return result


def _together(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * max(0, len(widths) - 1)


def _line(cells: Sequence[Text], columns: Sequence[Column], widths: Sequence[int]) -> Text:
    parts = []
    for cell, column, width in zip(cells, columns, widths, strict=False):
        text = _cut(cell.plain, width)
        room = " " * (width - cell_len(text))
        shown = Text(text, style=cell.style)
        parts.append(Text.assemble(room, shown) if column.right else Text.assemble(shown, room))
    line = Text(_GAP).join(parts)
    line.rstrip()
    return line


def _cut(text: str, width: int) -> str:
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"


def _cell(value: str | None) -> Text:
    return Text(_NULL, style="dim") if value is None else Text(value)


def _blocks(columns: Sequence[Column], count: int, width: int) -> Iterator[Text]:
    """Yield rows one below the other, a line for each column; long texts take several."""
    names = min(max(cell_len(c.name) for c in columns), max(1, width // 2))
    room = max(1, width - names - len(_GAP))
    for number in range(count):
        title = f"row {number + 1:,} "
        yield Text(_cut(title + "─" * (width - cell_len(title)), width), style="dim")
        for column in columns:
            value = column.values[number]
            parts = [_NULL] if value is None else _chopped(value, room)
            if column.json:
                parts = [_cut(value or parts[0], room)]
            for at, part in enumerate(parts or [""]):
                name = _cut(column.name, names) if at == 0 else ""
                line = Text(name + " " * (names - cell_len(name)) + _GAP, style="bold")
                shown = Text(part, style="dim" if value is None else "")
                line = Text.assemble(line, shown)
                line.rstrip()
                yield line


def _told(text: str, width: int | None) -> Text:
    return Text(text if width is None else _cut(text, width), style="dim italic")


def _chopped(text: str, width: int | None) -> list[str]:
    return [text] if width is None else chop_cells(text, width)


def _visible(text: str) -> str:
    """Return a text in one line, in which nothing steers the terminal."""
    if text.isprintable():
        return text
    return "".join(_sign(letter) for letter in text)


def _sign(letter: str) -> str:
    if letter.isprintable():
        return letter
    if letter == "\n":
        return "↵"
    return " " if letter.isspace() else repr(letter)[1:-1]


def _is_number(type_: pa.DataType) -> bool:
    tests: Iterable[Callable[[pa.DataType], bool]] = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
    )
    return any(test(type_) for test in tests)
