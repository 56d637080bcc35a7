"""DuckDB's errors in the words of Databricks."""

import re
from typing import Any, Final

import duckdb
import sqlglot
from sqlglot.errors import SqlglotError

from standins.databricks.engine import SqlError

_KNOWN: Final = (
    (r"(Table|View) with name \S+ does not exist|Table .* does not exist",
     "TABLE_OR_VIEW_NOT_FOUND", "42P01"),
    (r"Column with name .* already exists", "FIELD_ALREADY_EXISTS", "42710"),
    (r"(Table|Schema) with name .* already exists|already exists",
     "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07"),
    (r"schema .*(does not exist|not found)|Schema with name .* does not exist",
     "SCHEMA_NOT_FOUND", "42704"),
    (r"No catalog \+ schema named", "SCHEMA_NOT_FOUND", "42704"),
    (r"Referenced column .* not found|does not have a column", "UNRESOLVED_COLUMN", "42703"),
    (r"NOT NULL constraint failed", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502"),
    (r"^Parser Error", "PARSE_SYNTAX_ERROR", "42601"),
    (r"Conversion Error|out of range", "CAST_OVERFLOW", "22003"),
)  # fmt: skip


def told(error: duckdb.Error) -> SqlError:
    """Return the error as Databricks would tell it."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else "no reason given"
    if isinstance(error, duckdb.TransactionException):
        return SqlError(f"[DELTA_CONCURRENT_APPEND] {text}. SQLSTATE: 2D521")
    if isinstance(error, duckdb.InvalidInputException) and "Invalid Input Error: " in text:
        said = text.partition("Invalid Input Error: ")[2]
        return SqlError(f"[USER_RAISED_EXCEPTION] {said} SQLSTATE: P0001")
    for pattern, condition, state in _KNOWN:
        if re.search(pattern, text):
            return SqlError(f"[{condition}] {text}. SQLSTATE: {state}")
    return SqlError(f"[INTERNAL_ERROR] {text}. SQLSTATE: XX000")


def parsed(sql: str) -> Any:
    """Return a statement as a tree."""
    try:
        return sqlglot.parse_one(sql, dialect="databricks")
    except SqlglotError as error:
        # Its second line and those behind it are a piece of the statement, in colours.
        reason = str(error).partition("\n")[0]
        raise SqlError(f"[PARSE_SYNTAX_ERROR] {reason} SQLSTATE: 42601") from error
