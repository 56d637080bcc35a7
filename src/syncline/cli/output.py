"""Rows on the terminal or into a file: table, JSON, CSV or Parquet."""

import csv
import io
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

from syncline.errors import PropertyError


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def write(rows: pa.Table, format_: Format, path: Path | None, console: Console) -> None:
    """Write rows to a file or to standard output. JSON is one object a line.

    Raises `PropertyError` if the file cannot be written.
    """
    if path is None:
        _to_terminal(rows, format_, console)
        return
    try:
        _to_file(rows, format_, path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise PropertyError(
            f"cannot write {path}: {reason}", hint="choose another --output"
        ) from error


def _to_terminal(rows: pa.Table, format_: Format, console: Console) -> None:
    match format_:
        case Format.PARQUET:
            if sys.stdout.isatty():
                raise PropertyError(
                    "Parquet is not for the terminal",
                    hint="add --output FILE, or redirect the output",
                )
            pq.write_table(rows, pa.PythonFile(sys.stdout.buffer, "w"))
        case Format.TABLE:
            console.print(_table(rows))
        case _:
            sys.stdout.writelines(_text_of(rows, format_))


def _to_file(rows: pa.Table, format_: Format, path: Path) -> None:
    if format_ is Format.PARQUET:
        with path.open("wb") as file:
            pq.write_table(rows, file)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        if format_ is Format.TABLE:
            Console(file=file).print(_table(rows))
        else:
            file.writelines(_text_of(rows, format_))


def _text_of(rows: pa.Table, format_: Format) -> Iterable[str]:
    return _json(rows) if format_ is Format.JSON else _csv(rows)


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
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(rows.column_names)
    writer.writerows(["" if v is None else _text(v) for v in row] for row in _values(rows))
    yield buffer.getvalue()


def _values(rows: pa.Table) -> Iterable[tuple[object, ...]]:
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


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
