"""DuckDB's errors as the SQL Server errors that they stand for."""

import re
from collections.abc import Callable

from standins.tds.catalog import Key, Table
from standins.tds.errors import ServerError
from standins.tds.lexer import unquote

#: Marks in CHECK constraints that the server itself makes.
TRUNCATION, LONG_KEY, CHECKED = "2628", "1946", "547"

_DEADLOCK = (
    "Transaction (Process ID {}) was deadlocked on lock resources with another process and has "
    "been chosen as the deadlock victim. Rerun the transaction."
)
_Rule = tuple[str, Callable[[re.Match[str]], ServerError]]


def deadlock(process: int) -> ServerError:
    """Return the error of a deadlock victim."""
    return ServerError(1205, _DEADLOCK.format(process))


def invalid_object(name: str) -> ServerError:
    """Return the error for a table that is not there."""
    return ServerError(208, f"Invalid object name '{name}'.")


def invalid_column(name: str) -> ServerError:
    """Return the error for a column that is not there."""
    return ServerError(207, f"Invalid column name '{name}'.")


def mark(number: str, *parts: str) -> str:
    """Return a condition that is always true and tells `translate` what a CHECK is for."""
    text = "|".join((number, *parts)).replace("'", "''")
    return f"'{text}' <> ''"


def translate(error: Exception, table: Table | None = None, *, ddl: bool = False) -> ServerError:
    """Return the server's error; ``table`` is the one that the statement writes to."""
    line = str(error).split("\n", maxsplit=1)[0]
    if re.search(r"(?i)duplicate key|contains duplicates|violates (?:primary|unique)", line):
        return _duplicate(line, table, ddl=ddl)
    if "CHECK constraint failed" in line:
        return _check(line, table)
    if match := re.search(r"NOT NULL constraint failed: (?:(.*)\.)?(.+)", line):
        return null_refused(match[2], table.shown_name if table else match[1])
    for pattern, rule in _RULES:
        if match := re.search(pattern, line):
            return rule(match)
    return _unknown(line)


def _unknown(line: str) -> ServerError:
    text = re.sub(r"^[\w ]+ Error: ", "", line)
    if "Parser Error" in line:
        return ServerError(102, f"Incorrect syntax: {text}")
    if re.search(r"Binder Error|Conversion Error|Catalog Error", line):
        return ServerError(4104 if "Ambiguous" in line else 206, text)
    return ServerError(50001, f"DuckDB: {line}")


def null_refused(column: str, table: str) -> ServerError:
    """Return the error for NULL in a column that must not be."""
    return ServerError(
        515, f"Cannot insert the value NULL into column '{column}', table '{table}'; column does "
        "not allow nulls. INSERT fails."
    )  # fmt: skip


def _duplicate(line: str, table: Table | None, *, ddl: bool) -> ServerError:
    key = _violated(line, table)
    value = re.search(r'[Dd]uplicate key "(.*)"', line)
    shown = ", ".join(re.findall(r": ([^,]*)", value[1])) or value[1] if value else ""
    name = table.shown_name if table else ""
    index = key.name if key else ""
    if ddl:
        return ServerError(
            1505, "The CREATE UNIQUE INDEX statement terminated because a duplicate key was found "
            f"for the object name '{name}' and the index name '{index}'. The duplicate key value "
            f"is ({shown})."
        )  # fmt: skip
    if key and key.kind == "UX":
        return ServerError(
            2601, f"Cannot insert duplicate key row in object '{name}' with unique index "
            f"'{index}'. The duplicate key value is ({shown})."
        )  # fmt: skip
    kind = "UNIQUE KEY" if key and key.kind == "UQ" else "PRIMARY KEY"
    return ServerError(
        2627, f"Violation of {kind} constraint '{index}'. Cannot insert duplicate key in object "
        f"'{name}'. The duplicate key value is ({shown})."
    )  # fmt: skip


def _violated(line: str, table: Table | None) -> Key | None:
    """Return the key that DuckDB's message is about: it names columns, not indexes."""
    keys = sorted((k for k in table.keys if k.unique), key=lambda k: k.kind) if table else []
    named = {unquote(n).lower() for n in re.findall(r'"[^"]+"|\w+', line.partition('key "')[2])}
    exact = [k for k in keys if {c.lower() for c in k.columns} <= named]
    longest = max(exact, key=lambda k: len(k.columns), default=None)
    return longest or (keys[0] if keys else None)


def _check(line: str, table: Table | None) -> ServerError:
    name = table.shown_name if table else ""
    match = re.search(r"'(\d+)((?:\|(?:[^'|]|'')*)*)' (?:!=|<>) ''", line)
    number, parts = (match[1], match[2].replace("''", "'").split("|")[1:]) if match else ("", [])
    if number == TRUNCATION:
        return ServerError(
            2628, f"String or binary data would be truncated in table '{name}', column "
            f"'{parts[0]}'. Truncated value: ''."
        )  # fmt: skip
    if number == LONG_KEY:
        return ServerError(
            1946, f"Operation failed. The index entry for the index '{parts[0]}' exceeds the "
            f"maximum length of {parts[1]} bytes for {parts[2]} indexes."
        )  # fmt: skip
    return ServerError(
        547, "The INSERT or UPDATE statement conflicted with the CHECK constraint "
        f'"{parts[0] if parts else ""}". The conflict occurred in table "{name}".'
    )  # fmt: skip


def _conversion(match: re.Match[str]) -> ServerError:
    name = {"int32": "int", "int64": "bigint", "int16": "smallint", "uint8": "tinyint"}
    target = match[2].lower()
    return ServerError(
        245, f"Conversion failed when converting the nvarchar value '{match[1]}' to data type "
        f"{name.get(target, 'bit' if target.startswith('bool') else target)}."
    )  # fmt: skip


_RULES: tuple[_Rule, ...] = (
    (
        r"[Cc]annot combine types with different collation",
        lambda _: ServerError(
            468, 'Cannot resolve the collation conflict between "Latin1_General_100_BIN2" and '
            '"SQL_Latin1_General_CP1_CI_AS" in the equal to operation.'
        ),
    ),
    (r"[Cc]onflict|[Ww]rite-write", lambda _: deadlock(0)),
    (
        r"MERGE INTO command cannot affect",
        lambda _: ServerError(
            8672, "The MERGE statement attempted to UPDATE or DELETE the same row more than once. "
            "This happens when a target row matches more than one source row."
        ),
    ),
    (
        r"with name \"?(.*?)\"? already exists",
        lambda m: ServerError(2714, f"There is already an object named '{m[1]}' in the database."),
    ),
    (
        r"(?:Table|View) with name (.*?) does not exist|Catalog \"(.*?)\" does not exist",
        lambda m: invalid_object(m[1] or m[2]),
    ),
    (
        r'Referenced table "(.*?)" not found',
        lambda m: ServerError(4104, f'The multi-part identifier "{m[1]}" could not be bound.'),
    ),
    (
        r"Function with name (.*?) does not exist",
        lambda m: ServerError(195, f"'{m[1]}' is not a recognized built-in function name."),
    ),
    (
        (r'Referenced (?:update )?column "?(.*?)"? (?:not found|was not found)'
        r'|does not have a column (?:with name|named) "?(.*?)"?$'
        r'|column (?:with name|named) "?(.*?)"?(?: |$)'),
        lambda m: invalid_column(m[1] or m[2] or m[3]),
    ),
    (r"""Could not convert string ['"](.*)['"] to (U?INT\w*|BOOL\w*)""", _conversion),
    (
        r"(?:date|time|timestamp) field value|invalid (?:date|time|timestamp)",
        lambda _: ServerError(
            241, "Conversion failed when converting date and/or time from character string."
        ),
    ),
    (
        r"UUID|uuid",
        lambda _: ServerError(
            8169, "Conversion failed when converting from a character string to uniqueidentifier."
        ),
    ),
    (
        r"Could not cast value|out of range|Overflow|overflow",
        lambda m: ServerError(
            8115, f"Arithmetic overflow error converting expression to data type. {m.string}"
        ),
    ),
    (
        r"Could not convert string",
        lambda _: ServerError(8114, "Error converting data type nvarchar to numeric."),
    ),
    (r"(?i)division by zero", lambda _: ServerError(8134, "Divide by zero error encountered.")),
    (
        r"(?i)(?:No space left|disk full|out of memory)",
        lambda _: ServerError(
            1105, "Could not allocate space because the 'PRIMARY' filegroup is full."
        ),
    ),
)  # fmt: skip
