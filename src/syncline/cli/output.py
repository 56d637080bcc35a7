"""Rows on the terminal or into a file: table, JSON, CSV or Parquet."""

import json
import sys
from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text as RichText

from syncline.cli.grid import columns_of, lines_of
from syncline.errors import PropertyError

#: Signs that a value of CSV stands in quotes for.
_SIGNS = ',"\r\n'


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def write(
    rows: pa.Table, format_: Format, path: Path | None, console: Console, *, folded: bool = False
) -> None:
    """Write rows to a file or to standard output. JSON is one object a line.

    A table is fitted to the terminal; into a file or another program it goes whole. ``folded``:
    texts on a terminal are for reading, and take several lines where they must. Raises
    `PropertyError` if the file cannot be written.
    """
    if path is None:
        _to_terminal(rows, format_, console, folded=folded)
        return
    try:
        _to_file(rows, format_, path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PropertyError(
            f"cannot write {path}: {reason}", hint="choose another --output"
        ) from error


def _to_terminal(rows: pa.Table, format_: Format, console: Console, *, folded: bool) -> None:
    match format_:
        case Format.PARQUET:
            if sys.stdout.isatty():
                raise PropertyError(
                    "Parquet is not for the terminal",
                    hint="add --output FILE, or redirect the output",
                )
            pq.write_table(rows, pa.PythonFile(sys.stdout.buffer, "w"))
        case Format.TABLE if folded and sys.stdout.isatty():
            console.print(_table(rows))
        case Format.TABLE:
            width = console.width if sys.stdout.isatty() else None
            for line in _lines(rows, width):
                console.print(line, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)
        case _:
            sys.stdout.writelines(_text_of(rows, format_))


def _to_file(rows: pa.Table, format_: Format, path: Path) -> None:
    if format_ is Format.PARQUET:
        with path.open("wb") as file:
            pq.write_table(rows, file)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if format_ is Format.TABLE:
            file.writelines(f"{line.plain}\n" for line in _lines(rows, None))
        else:
            file.writelines(_text_of(rows, format_))


def _text_of(rows: pa.Table, format_: Format) -> Iterable[str]:
    return _json(rows) if format_ is Format.JSON else _csv(rows)


def _lines(rows: pa.Table, width: int | None) -> Iterable[RichText]:
    return lines_of(columns_of(rows, _shown), rows.num_rows, width)


def _table(rows: pa.Table) -> Table:
    table = Table(show_edge=False, header_style="bold", caption=_caption(rows.num_rows))
    for field in rows.schema:
        number = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        table.add_column(escape(field.name), justify="right" if number else "left", overflow="fold")
    for row in _values(rows):
        table.add_row(*("" if v is None else escape(_text(v)) for v in row))
    return table


def _caption(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _json(rows: pa.Table) -> Iterable[str]:
    for row in rows.to_pylist():
        yield json.dumps(row, default=_text, ensure_ascii=False) + "\n"


def _csv(rows: pa.Table) -> Iterable[str]:
    """Yield lines of CSV, in which an empty text stands in quotes and NULL does not."""
    for row in (rows.column_names, *_values(rows)):
        yield ",".join("" if v is None else _quoted(_text(v)) for v in row) + "\r\n"


def _quoted(text: str) -> str:
    if text and not any(sign in text for sign in _SIGNS):
        return text
    return '"' + text.replace('"', '""') + '"'


def _values(rows: pa.Table) -> Iterable[tuple[object, ...]]:
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def _shown(value: object) -> str:
    """Return a value as it is in a table for people."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").replace("+00:00", "Z")
    return _text(value)


def _text(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime() | date():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case bytes():
            return value.hex()
        case _:
            return str(value)
