"""Small words for tests that talk to a server through the driver."""

import contextlib
from collections.abc import Callable
from typing import Any

import mssql_python
import pytest


def rows(cursor: mssql_python.Cursor, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    cursor.execute(statement, *parameters)
    return [tuple(row) for row in cursor.fetchall()]


def last_rows(cursor: mssql_python.Cursor, batch: str) -> list[tuple[Any, ...]]:
    """Return the rows of the last query of a batch."""
    cursor.execute(batch)
    found: list[tuple[Any, ...]] = []
    while True:
        if cursor.description:
            found = [tuple(row) for row in cursor.fetchall()]
        if not cursor.nextset():
            return found


def error_number(cursor: mssql_python.Cursor, statement: str) -> int:
    """Return the native number of the error that a statement raises, 0 for none."""
    terminated = statement if statement.endswith(";") else statement + ";"
    batch = (
        f"SET NOCOUNT ON; BEGIN TRY {terminated} SELECT 0 AS n END TRY "
        "BEGIN CATCH SELECT ERROR_NUMBER() AS n END CATCH; SET NOCOUNT OFF"
    )
    return int(last_rows(cursor, batch)[0][0])


def refused(text: str, action: Callable[..., Any], *arguments: Any) -> None:
    """Assert that the driver raises an error with this text."""
    with pytest.raises((mssql_python.Error, RuntimeError, ValueError)) as caught:
        action(*arguments)
    assert text.lower() in str(caught.value).lower()


def quietly_close(connection: mssql_python.Connection) -> None:
    """Close a connection that may be broken."""
    with contextlib.suppress(mssql_python.Error):
        connection.close()
