"""DuckDB as the engine of queries: shut off from files and network, its errors translated."""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, ParamSpec, TypeVar

import duckdb
import pyarrow as pa

from syncline.errors import QueryError, RecordRefused

_P = ParamSpec("_P")
_T = TypeVar("_T")
#: Beyond this, rows of a query that needs all of them go to temporary files.
_MEMORY = "2GB"
_CLOSED: Mapping[str, str] = {
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
}
_SETTINGS = (
    # GLOBAL: cursors of a connection have settings of their own.
    "SET GLOBAL TimeZone = 'UTC'",
    # Division by zero is an error, as in T-SQL, not an infinity that no database takes.
    "SET GLOBAL ieee_floating_point_ops = false",
    "SET lock_configuration = true",
)
#: Functions that look at the clock or at chance: the same row gives another answer each time.
MOVING = frozenset(
    {
        "current_date",
        "current_localtime",
        "current_localtimestamp",
        "current_time",
        "current_timestamp",
        "gen_random_uuid",
        "get_current_time",
        "get_current_timestamp",
        "now",
        "random",
        "today",
        "transaction_timestamp",
        "uuid",
        "uuidv4",
        "uuidv7",
    }
)
#: Functions of no row: they make several, or none of their own.
_UNFOLDING = frozenset({"unnest", "unlist", "generate_subscripts"})
#: Before the name of a function that is called as a table.
_TABLE = "table"


@dataclass(frozen=True, slots=True, kw_only=True)
class Functions:
    """What DuckDB's functions are."""

    scalar: frozenset[str]
    aggregate: frozenset[str]
    #: Refused: they reach into the engine, or have effects.
    closed: frozenset[str]

    @property
    def known(self) -> frozenset[str]:
        """The functions a query may call."""
        return self.scalar | self.aggregate


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What DuckDB says of a query."""

    #: Arrow type and DuckDB's own name of the type, by output.
    columns: tuple[tuple[str, pa.DataType, str], ...]
    #: Names of all functions it calls, in lower case.
    calls: frozenset[str]

    def per_row(self) -> bool:
        """Say whether each row gives its own answer, the same one every time."""
        # Most queries call nothing; then DuckDB need not be asked what its functions are.
        return not self.calls or not self.calls & (_functions().aggregate | MOVING | _UNFOLDING)

    def moving(self) -> bool:
        """Say whether the clock or chance has a say."""
        return bool(self.calls & MOVING)


def connect(directory: str | None = None, *, memory: str = _MEMORY) -> duckdb.DuckDBPyConnection:
    """Open an engine in memory that cannot touch files or network.

    ``directory``: where it puts rows beyond ``memory``; without one there is no room for them.
    """
    config: dict[str, Any] = {**_CLOSED, "memory_limit": memory}
    if directory is not None:
        config["temp_directory"] = directory
    connection = duckdb.connect(config=config)
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


@contextmanager
def translated() -> Iterator[None]:
    """Turn errors of a running query into ours.

    Raises:
        RecordRefused: a value cannot be cast or computed.
        QueryError: anything else that the query makes DuckDB say.
    """
    try:
        yield
    except (
        duckdb.ConversionException,
        duckdb.OutOfRangeException,
        duckdb.InvalidInputException,
        pa.ArrowInvalid,
    ) as error:
        raise RecordRefused(
            f"a value does not fit what the query does with it: {_first_line(error)}",
            hint="use TRY_CAST for values that may not convert, NULLIF against division by zero",
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise QueryError(
            f"the query needs more memory than there is: {_first_line(error)}",
            hint="read fewer columns, or filter before joining and sorting",
        ) from error
    except duckdb.Error as error:
        raise QueryError(f"the query cannot be run: {_first_line(error)}") from error


async def in_thread(
    connection: duckdb.DuckDBPyConnection,
    function: Callable[_P, _T],
    *args: _P.args,
    **kw: _P.kwargs,
) -> _T:
    """Run a function of a connection in a thread; its errors arrive translated.

    Cancelled, it stops the connection's query and waits for the thread, so that nobody closes
    the connection under it.
    """

    def work() -> _T:
        with translated():
            return function(*args, **kw)

    running = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        connection.interrupt()
        await asyncio.wait({running})
        # The outcome is nobody's business any more; asking for it keeps asyncio quiet.
        running.exception()
        raise


def run(
    connection: duckdb.DuckDBPyConnection, sql: str, relations: Mapping[str, pa.Table]
) -> pa.Table:
    """Return the rows of a query over tables that are known to it under these names."""
    for name, table in relations.items():
        connection.register(name, table)
    return connection.sql(sql).to_arrow_table()


def quoted(name: str) -> str:
    """Return a name as DuckDB takes it whatever it contains."""
    return '"' + name.replace('"', '""') + '"'


def describe(sql: str, relations: Mapping[str, pa.Schema]) -> Described:
    """Say what a query over relations yields, without running it.

    Raises:
        QueryError: DuckDB does not understand the query, or it calls what no query may call.
    """
    with _planning().cursor() as connection:
        for name, schema in relations.items():
            connection.register(name, schema.empty_table())
        try:
            relation = connection.sql(sql)
            if relation is None:
                raise QueryError("this is not a query", hint="write one SELECT")
            schema = relation.limit(0).to_arrow_table().schema
            types = [str(type_) for type_ in relation.types]
            (serialized,) = connection.execute(
                "SELECT json_serialize_sql(?)", [sql]
            ).fetchone() or ("{}",)
        except duckdb.Error as error:
            raise QueryError(_first_line(error), hint=_suggestion(error)) from error
    calls = frozenset(_calls(json.loads(serialized)))
    allowed = {f"{_TABLE} {name}" for name in _UNFOLDING}
    tables = {name for name in calls - allowed if name.startswith(_TABLE)}
    closed = sorted(tables | (calls and calls & _functions().closed))
    if closed:
        raise QueryError(
            f"the function {closed[0].removeprefix(_TABLE).strip()} cannot be used here",
            hint="queries only see the source's tables",
        )
    columns = zip(schema.names, schema.types, types, strict=True)
    return Described(columns=tuple(columns), calls=calls)


def constant(sql: str) -> object:
    """Return the value of an expression without columns, as text or None.

    Raises:
        QueryError: it has no value, for example because a text is not a date.
    """
    with _planning().cursor() as connection:
        try:
            row = connection.execute(f"SELECT {sql}").fetchone()
        except duckdb.Error as error:
            raise QueryError(_first_line(error)) from error
    return row[0] if row else None


def known_functions() -> frozenset[str]:
    """Return the names, in lower case, of the functions a query may call."""
    return _functions().known


@cache
def _planning() -> duckdb.DuckDBPyConnection:
    """Return the engine that plans; it never holds rows, and its cursors share nothing."""
    return connect()


@cache
def _functions() -> Functions:
    with _planning().cursor() as connection:
        rows = connection.sql(
            "SELECT DISTINCT lower(function_name), function_type, stability, "
            "coalesce(macro_definition, '') FROM duckdb_functions()"
        ).fetchall()
    scalar, aggregate, closed = set(), set(), set()
    unsteady = {n for n, _, stability, _ in rows if stability not in {"CONSISTENT", None}}
    for name, kind, stability, definition in rows:
        inside = set(re.findall(r"\w+(?=\s*\()", definition.lower()))
        if kind == "aggregate":
            aggregate.add(name)
        elif kind in {"table", "table_macro", "pragma"}:
            closed.add(name)
        elif name in MOVING or (
            stability in {"CONSISTENT", None}
            and "select " not in definition.lower()
            and not inside & unsteady
        ):
            scalar.add(name)
        else:
            closed.add(name)
    return Functions(
        scalar=frozenset(scalar | _UNFOLDING),
        aggregate=frozenset(aggregate),
        closed=frozenset(closed - scalar - aggregate - _UNFOLDING),
    )


def _calls(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        name = node.get("function_name")
        if isinstance(name, str):
            yield name.lower()
        function = node.get("function")
        if node.get("type") == "TABLE_FUNCTION" and isinstance(function, Mapping):
            yield f"{_TABLE} {str(function.get('function_name')).lower()}"
        # DuckDB reads CURRENT_DATE and its like as columns at first.
        names = node.get("column_names")
        if isinstance(names, list) and len(names) == 1 and str(names[0]).lower() in MOVING:
            yield str(names[0]).lower()
        for value in node.values():
            yield from _calls(value)
    elif isinstance(node, list):
        for value in node:
            yield from _calls(value)


def _first_line(error: Exception) -> str:
    """Return what DuckDB says, without its SQL, which the user did not write."""
    line = str(error).split("\n\nLINE ")[0].split("\n")[0].strip()
    return re.sub(r"^(\w+ ){1,2}Error: ", "", line)


def _suggestion(error: Exception) -> str:
    lines = [line.strip() for line in str(error).split("\n")]
    return next((line for line in lines if line.startswith("Did you mean")), "")
