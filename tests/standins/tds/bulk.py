"""INSERT BULK and the bulk load that follows it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from standins.tds import foreign
from standins.tds.catalog import Column, Table
from standins.tds.decode import Reader, decoder, read_type, to_arrow
from standins.tds.errors import ServerError
from standins.tds.identity import after_insert, before_insert
from standins.tds.interpreter import after_fault, before_fault, guarded
from standins.tds.lexer import Token, closing, find, name_parts, quote, split_commas, unquote
from standins.tds.native import invalid_column
from standins.tds.permissions import demand
from standins.tds.session import Session
from standins.tds.sqltypes import SqlType
from standins.tds.translate import CODE_PAGE, constant

_COMMAND = 0xF0
_ROW, _METADATA = 0xD1, 0x81


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkLoad:
    """What INSERT BULK announced."""

    table: Table
    columns: tuple[Column, ...]
    keep_nulls: bool


def insert_bulk(session: Session, tokens: Sequence[Token]) -> None:
    """INSERT BULK table (column type, ..) WITH (options): the rows come in the next message."""
    start = find(tokens, "(") or len(tokens)
    named = session.need(name_parts(tokens[2:start]))
    table = replace(session.need(named.base), grants=named.grants) if named.base else named
    for permission in ("INSERT", "SELECT"):
        demand(session.user_of(table), permission, table)
    stop = closing(tokens, start)
    columns = []
    for item in split_commas(tokens[start + 1 : stop]):
        column = table.column(unquote(item[0].text))
        if column is None:
            raise invalid_column(unquote(item[0].text))
        columns.append(column)
    options = {t.word for t in tokens[stop:]}
    session.options.bulk = BulkLoad(
        table=table, columns=tuple(columns), keep_nulls="KEEP_NULLS" in options
    )
    session.answer.done()


def receive(session: Session, data: bytes) -> None:
    """Load the rows of a bulk load."""
    announced: BulkLoad | None = session.options.bulk
    session.options.bulk = None
    if announced is None:
        raise ServerError(4002, "A bulk load without INSERT BULK.")
    fault = session.engine.faults.at(f"BULK LOAD {announced.table.name}")

    def act() -> None:
        before_fault(session, fault)
        kinds, values, count = _read(data)
        if len(kinds) != len(announced.columns):
            raise ServerError(4816, "Invalid column count in bulk load.")
        arrays = [to_arrow(kind, column) for kind, column in zip(kinds, values, strict=True)]
        rows = pa.table(arrays, names=[f"c{n}" for n in range(len(kinds))])
        if count:
            _load(session, announced, rows)
        session.options.rowcount = count
        session.answer.done(count, command=_COMMAND)

    guarded(session, act)
    after_fault(fault)


def _read(data: bytes) -> tuple[list[SqlType], list[list[Any]], int]:
    reader = Reader(data)
    if reader.number(1) != _METADATA:
        raise ServerError(4804, "The bulk load stream does not begin with COLMETADATA.")
    kinds, decoders = [], []
    for _ in range(reader.number(2)):
        reader.take(6)
        kind, fixed = read_type(reader)
        reader.text(reader.number(1))
        kinds.append(kind)
        decoders.append(decoder(kind, fixed=fixed))
    values: list[list[Any]] = [[] for _ in kinds]
    steps = [(column.append, decode) for column, decode in zip(values, decoders, strict=True)]
    at, count, size = reader.position, 0, len(data)
    while at < size and data[at] == _ROW:
        at += 1
        for add, decode in steps:
            value, at = decode(data, at)
            add(value)
        count += 1
    return kinds, values, count


def _load(session: Session, announced: BulkLoad, rows: pa.Table) -> None:
    table, columns = announced.table, announced.columns
    names = ", ".join(quote(c.name) for c in columns)
    values = ", ".join(_value(session, c, n, announced) for n, c in enumerate(columns))
    sql = f"INSERT INTO {table.full_name} ({names}) SELECT {values} FROM __bulk"
    generates = table.identity is not None and table.identity not in columns
    transaction = session.transaction
    with transaction.atomic(writes=[table]):
        if generates:
            before_insert(session, table)
        transaction.run(sql, write=True, arrow={"__bulk": rows}, table=table)
        foreign.check(session, table)
        if table.identity:
            after_insert(session, table, generated=generates)


def _value(session: Session, column: Column, at: int, announced: BulkLoad) -> str:
    value = f"CAST(c{at} AS {column.kind.duckdb})"
    if column.kind.name in CODE_PAGE:
        value = f"tds_code_page({value})"
    if column.default and not announced.keep_nulls:
        return f"coalesce({value}, {constant(session, column.default)})"
    return value
