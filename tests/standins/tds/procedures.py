"""EXEC, and the system procedures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from standins.tds import tokens as wire
from standins.tds.catalog import DEFAULT_COLLATION
from standins.tds.describe import describe_parameters
from standins.tds.encode import COLLATION
from standins.tds.errors import Returned, ServerError
from standins.tds.faults import ACTIONS, PLACES, Fault
from standins.tds.interpreter import evaluate, run_text
from standins.tds.lexer import (
    Token,
    closing,
    name_parts,
    split_commas,
    split_name,
    tokenize,
    unquote,
)
from standins.tds.locks import Deadlock, LockTimeout, Mode, Scope
from standins.tds.rename import rename
from standins.tds.session import Session, Variable
from standins.tds.sqltypes import BIGINT, INT, NVARCHAR_MAX, SYSNAME, SqlType, parse_type


@dataclass(slots=True)
class Argument:
    """An argument of a procedure; ``output`` is where its value goes back to."""

    name: str | None
    kind: SqlType
    value: Any
    output: str | None = None


class Arguments:
    """The arguments of one call, by position or name."""

    def __init__(self, given: Sequence[Argument]) -> None:
        self.given = given
        self._named = {a.name: a for a in given if a.name}

    def get(self, position: int, name: str, default: Any = None) -> Any:
        """Return a value, or the default when it was left out or is NULL."""
        if name in self._named:
            value = self._named[name].value
        elif position < len(self.given) and not self.given[position].name:
            value = self.given[position].value
        else:
            value = None
        return default if value is None else value


def execute(session: Session, tokens: Sequence[Token]) -> None:
    """EXEC (text), or EXEC @result = procedure arguments."""
    if tokens[1].text == "(":
        text = evaluate(session, tokens[2 : closing(tokens, 1)], NVARCHAR_MAX) or ""
        _nested(session, lambda: _inner_batch(session, text))
        return
    start, result = 1, None
    if tokens[1].text.startswith("@") and tokens[2].text == "=":
        result, start = tokens[1].text[1:], 3
    end = start + 1
    while end < len(tokens) and "." in {tokens[end].text, tokens[end - 1].text}:
        end += 1
    name = name_parts(tokens[start:end])[-1]
    arguments = [_argument(session, item) for item in split_commas(tokens[end:])]

    def run() -> None:
        code = call(session, name, arguments)
        for argument in arguments:
            if argument.output:
                session.variable(argument.output).value = argument.value
        if result:
            session.variable(result).value = code
        session.answer.add(wire.return_status(code))

    _nested(session, run)


def _inner_batch(session: Session, text: str) -> None:
    """Text that is executed has variables of its own."""
    outer, session.options.variables = session.options.variables, {}
    try:
        run_text(session, text)
    except Returned:
        return
    finally:
        session.options.variables = outer


def _argument(session: Session, item: Sequence[Token]) -> Argument:
    label = None
    if len(item) > 2 and item[1].text == "=":
        label, item = item[0].text[1:].lower(), item[2:]
    output = len(item) > 1 and item[-1].word in {"OUTPUT", "OUT"}
    if output:
        item = item[:-1]
    first = item[0]
    if first.text.startswith("@") and not first.text.startswith("@@"):
        variable = session.variable(first.text[1:])
        target = first.text[1:].lower() if output else None
        return Argument(label, variable.kind, variable.value, target)
    if first.is_name and first.word not in {"NULL", "DEFAULT"} and not first.word.startswith("@@"):
        return Argument(label, NVARCHAR_MAX, unquote(first.text))
    kind = NVARCHAR_MAX
    if first.word.startswith("@@"):
        kind = BIGINT
    elif item[-1].text.isdigit():
        kind = INT
    return Argument(label, kind, evaluate(session, item, kind))


def _nested(session: Session, action: Callable[[], None]) -> None:
    session.answer.depth += 1
    try:
        action()
    finally:
        session.answer.depth -= 1
    session.answer.done(token=wire.DONE_PROCEDURE)


def call(session: Session, name: str, arguments: Sequence[Argument]) -> int:
    """Run a system procedure; return its status. Raises 2812."""
    procedure = _PROCEDURES.get(name.lower())
    if procedure is None:
        raise ServerError(2812, f"Could not find stored procedure '{name}'.")
    return procedure(session, Arguments(arguments)) or 0


# Parameterised batches


def _scoped(session: Session, text: str, declared: str, values: Sequence[Argument]) -> None:
    """Run a batch with its parameters as variables; output parameters go back to their argument."""
    names, fresh = [], {}
    for item in split_commas(tokenize(declared)):
        words = [t for t in item if t.word not in {"OUTPUT", "OUT", "READONLY", "AS"}]
        end = next((i for i, t in enumerate(words) if t.text == "="), len(words))
        names.append(words[0].text[1:].lower())
        fresh[names[-1]] = Variable(parse_type("".join(t.text for t in words[1:end])))
    bound = {}
    for at, argument in enumerate(values):
        name = argument.name or (names[at] if at < len(names) else "")
        if name not in fresh:
            raise ServerError(8144, "Procedure or function has too many arguments specified.")
        fresh[name].value = argument.value
        bound[name] = argument
    missing = next((n for n in names if n not in bound), None)
    if missing:
        raise ServerError(
            8178, f"The parameterized query '({declared}){text[:60]}' expects the parameter "
            f"'@{missing}', which was not supplied."
        )  # fmt: skip
    outer, session.options.variables = session.options.variables, fresh
    try:
        run_text(session, text)
    except Returned:
        pass
    finally:
        session.options.variables = outer
    for name, argument in bound.items():
        if argument.output:
            argument.value = fresh[name].value


def _execute_sql(session: Session, arguments: Arguments) -> None:
    given = arguments.given
    declared = given[1].value if len(given) > 1 else ""
    _scoped(session, given[0].value or "", declared or "", given[2:])


def _prepare(session: Session, arguments: Arguments) -> None:
    given = arguments.given
    handle = session.engine.next_id()
    session.prepared[handle] = (given[2].value or "", given[1].value or "")
    given[0].kind, given[0].value, given[0].output = INT, handle, given[0].output or "handle"


def _prepare_and_execute(session: Session, arguments: Arguments) -> None:
    _prepare(session, arguments)
    given = arguments.given
    _scoped(session, given[2].value or "", given[1].value or "", given[3:])


def _execute_prepared(session: Session, arguments: Arguments) -> None:
    handle = arguments.given[0].value
    if handle not in session.prepared:
        raise ServerError(8179, f"Could not find prepared statement with handle {handle}.")
    text, declared = session.prepared[handle]
    _scoped(session, text, declared, arguments.given[1:])


def _unprepare(session: Session, arguments: Arguments) -> None:
    session.prepared.pop(arguments.given[0].value, None)


# Application locks


def _scope(owner: str) -> Scope:
    return "session" if owner.lower() == "session" else "transaction"


def _lock_name(session: Session, arguments: Arguments) -> str:
    return f"app:{session.database}:{arguments.get(0, 'resource')}"


def _get_lock(session: Session, arguments: Arguments) -> int:
    scope = _scope(str(arguments.get(2, "lockowner", "Transaction")))
    name = arguments.get(0, "resource")
    if (scope == "transaction" and not session.transaction.count) or not name:
        return -999
    modes: dict[str, Mode] = {
        "shared": "shared",
        "intentshared": "stable",
        "update": "exclusive",
        "intentexclusive": "update",
        "exclusive": "exclusive",
    }
    mode = modes.get(str(arguments.get(1, "lockmode", "")).lower())
    if mode is None:
        return -999
    timeout = arguments.get(3, "locktimeout")
    wait = session.transaction.lock_timeout
    if timeout is not None:
        wait = None if int(timeout) < 0 else int(timeout) / 1000
    try:
        waited = session.transaction.lock(
            _lock_name(session, arguments), mode, scope=scope, wait=wait
        )
    except LockTimeout:
        return -1
    except Deadlock:
        return -3
    return int(waited)


def _release_lock(session: Session, arguments: Arguments) -> None:
    scope = _scope(str(arguments.get(1, "lockowner", "Transaction")))
    name = _lock_name(session, arguments)
    if not session.engine.locks.release(session.transaction, name, scope):
        raise ServerError(
            1223, "Cannot release the application lock (Database Principal: 'public', Resource: "
            f"'{arguments.get(0, 'resource')}') because it is not currently held."
        )  # fmt: skip


# The catalog


def _rename(session: Session, arguments: Arguments) -> None:
    parts = split_name(str(arguments.get(0, "objname", "")))
    kind = str(arguments.get(2, "objtype", "")).upper()
    rename(session, parts, str(arguments.get(1, "newname", "")), kind)


def _collations(session: Session, arguments: Arguments) -> None:
    """Tell bulk copy how the columns of a table are collated."""
    table = session.need(split_name(str(arguments.get(0, "object"))))
    rows = []
    for number, column in enumerate(table.columns, 1):
        text = column.kind.is_text
        name = (column.collation or DEFAULT_COLLATION) if text else None
        rows.append((number, column.name, COLLATION if text else None, name))
    binary = SqlType(name="binary", length=5)
    columns = (("colid", INT), ("name", SYSNAME), ("tds_collation", binary), ("collation", SYSNAME))
    session.answer.rows(columns, rows)


def _describe(session: Session, arguments: Arguments) -> None:
    describe_parameters(session, str(arguments.get(0, "tsql", "")))


# What tests ask for


def _fault(session: Session, arguments: Arguments) -> None:
    """sp_fault pattern, action, nth, argument, place: see `standins.tds.faults.Fault`."""
    place = PLACES.get(str(arguments.get(4, "place", "statement")))
    action = str(arguments.get(1, "action", ""))
    if action not in ACTIONS or place is None:
        raise ServerError(50000, f"sp_fault knows {', '.join(sorted(ACTIONS))}, not '{action}'.")
    session.engine.faults.add(
        Fault(
            pattern=str(arguments.get(0, "pattern", "")),
            action=action,
            nth=int(arguments.get(2, "nth", 1)),
            argument=float(arguments.get(3, "arg", 0)),
            place=place,
        )
    )


def _clear_faults(session: Session, _: Arguments) -> None:
    session.engine.faults.clear()
    for database in session.engine.databases.values():
        database.full = ""


def _full(session: Session, arguments: Arguments) -> None:
    """sp_full 'log', 'data' or '': writes to the current database fail with 9002 or 1105."""
    database = session.engine.database(session.database)
    if database:
        database.full = str(arguments.get(0, "what", ""))


def _accept(_: Session, __: Arguments) -> None:
    """Do nothing."""


_PROCEDURES: dict[str, Callable[[Session, Arguments], int | None]] = {
    "sp_executesql": _execute_sql,
    "sp_prepare": _prepare,
    "sp_prepexec": _prepare_and_execute,
    "sp_execute": _execute_prepared,
    "sp_unprepare": _unprepare,
    "sp_getapplock": _get_lock,
    "sp_releaseapplock": _release_lock,
    "sp_rename": _rename,
    "sp_tablecollations_100": _collations,
    "sp_describe_undeclared_parameters": _describe,
    "sp_fault": _fault,
    "sp_fault_clear": _clear_faults,
    "sp_full": _full,
    "sp_reset_connection": _accept,
    "sp_addextendedproperty": _accept,
    "sp_updatestats": _accept,
    "sp_tableoption": _accept,
}
