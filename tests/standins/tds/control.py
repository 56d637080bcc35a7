"""Statements about the session: variables, SET, messages, transactions."""

import re
from collections.abc import Sequence

from standins.tds.errors import (
    BatchEnd,
    Cancelled,
    LoopBroken,
    LoopContinued,
    Returned,
    ServerError,
    syntax_error,
    unsupported,
)
from standins.tds.interpreter import evaluate
from standins.tds.lexer import (
    Token,
    joined,
    name_parts,
    split_commas,
    tokenize,
    unquote,
)
from standins.tds.session import Session, Variable
from standins.tds.sqltypes import INT, NVARCHAR_MAX, parse_type

_MESSAGE_ONLY = 10
_SWITCHES = {
    "NOCOUNT": "nocount",
    "XACT_ABORT": "xact_abort",
    "IMPLICIT_TRANSACTIONS": "implicit",
    "FMTONLY": "fmtonly",
}


def declare(session: Session, tokens: Sequence[Token]) -> None:
    """DECLARE @a type = value, .."""
    for item in split_commas(tokens[1:]):
        at = next((i for i, t in enumerate(item) if t.text == "="), len(item))
        words = [t for t in item[1:at] if t.word != "AS"]
        if not words:
            raise syntax_error(item[-1].text)
        if words[0].word in {"TABLE", "CURSOR"}:
            raise unsupported(f"{words[0].word.lower()} variables")
        kind = parse_type("".join(w.text for w in words))
        value = evaluate(session, item[at + 1 :], kind) if at < len(item) else None
        session.options.variables[item[0].text[1:].lower()] = Variable(kind=kind, value=value)


def set_option(session: Session, tokens: Sequence[Token]) -> None:
    """SET @a = value, and SET options."""
    if tokens[1].text.startswith("@"):
        variable = session.variable(tokens[1].text[1:])
        rest = list(tokens[3:])
        if tokens[2].text != "=":
            rest = [tokens[1], *tokenize(tokens[2].text[0]), *rest]
        variable.value = evaluate(session, rest, variable.kind)
        session.options.rowcount = 1
        return
    session.options.rowcount = 0
    words = [t.word for t in tokens[1:]]
    on = words[-1] == "ON"
    transaction = session.transaction
    if words[0] == "TRANSACTION":
        transaction.isolation = " ".join(words[3:])
        _check_snapshot(session)
    elif words[0] == "IDENTITY_INSERT":
        _identity_insert(session, name_parts(tokens[2:-1]), on=on)
    for at, word in enumerate(words):
        if word == "LOCK_TIMEOUT":
            _lock_timeout(session, words[at + 1 :])
        elif word in _SWITCHES:
            setattr(session.options, _SWITCHES[word], on)
    session.answer.done()


def _lock_timeout(session: Session, words: Sequence[str]) -> None:
    negative = words[0] == "-"
    milliseconds = int(words[1 if negative else 0])
    session.transaction.lock_timeout = None if negative else milliseconds / 1000


def _check_snapshot(session: Session) -> None:
    if session.transaction.isolation != "SNAPSHOT":
        return
    database = session.engine.database(session.database)
    if database and not database.snapshot_allowed:
        session.transaction.isolation = "READ COMMITTED"
        raise ServerError(
            3952, "Snapshot isolation transaction failed accessing database "
            f"'{session.database}' because snapshot isolation is not allowed in this database."
        )  # fmt: skip


def _identity_insert(session: Session, parts: Sequence[str], *, on: bool) -> None:
    table = session.find(parts)
    if table is None:
        raise ServerError(
            1088, f'Cannot find the object "{".".join(parts)}" because it does not exist or you '
            "do not have permissions."
        )  # fmt: skip
    if not table.identity:
        raise ServerError(
            8106, f"Table '{table.shown_name}' does not have the identity property. Cannot perform "
            "SET operation."
        )  # fmt: skip
    other = session.options.identity_insert
    if on and other not in {None, table.object_id}:
        raise ServerError(
            8107, f"IDENTITY_INSERT is already ON for another table. Cannot perform SET operation "
            f"for table '{table.shown_name}'."
        )  # fmt: skip
    session.options.identity_insert = table.object_id if on else None


def print_message(session: Session, tokens: Sequence[Token]) -> None:
    """PRINT."""
    session.answer.inform(evaluate(session, tokens[1:], NVARCHAR_MAX) or "")


def raise_error(session: Session, tokens: Sequence[Token]) -> None:
    """RAISERROR (message, severity, state, arguments ..)."""
    last = max(i for i, t in enumerate(tokens) if t.text == ")")
    items = split_commas(tokens[2:last])
    message = evaluate(session, items[0], NVARCHAR_MAX) or ""
    severity, state = (int(evaluate(session, item, INT)) for item in items[1:3])
    for item in items[3:]:
        value = str(evaluate(session, item, NVARCHAR_MAX))
        message = re.sub(r"%[sdiu]", lambda _, v=value: v, message, count=1)
    if severity <= _MESSAGE_ONLY:
        session.answer.inform(message, 50000, severity)
    else:
        raise ServerError(50000, message, severity, state)


def throw(session: Session, tokens: Sequence[Token]) -> None:
    """THROW, alone or with number, message and state; ends the batch."""
    options = session.options
    if len(tokens) == 1:
        if options.caught is None:
            raise ServerError(
                10704, "To rethrow an error, a THROW statement must be used inside a CATCH block."
            )
        error = options.caught
    else:
        number, message, state = split_commas(tokens[1:])
        error = ServerError(
            evaluate(session, number, INT),
            evaluate(session, message, NVARCHAR_MAX),
            16,
            evaluate(session, state, INT),
        )
    if options.trying:
        raise error
    options.error = error.number
    session.answer.error(error)
    if session.transaction.count and (options.xact_abort or session.transaction.doomed):
        session.rollback()
    session.answer.failed()
    raise BatchEnd


def wait_for(session: Session, tokens: Sequence[Token]) -> None:
    """WAITFOR DELAY 'h:m:s'."""
    hours, minutes, seconds = unquote(tokens[2].text).split(":")
    if session.cancelled.wait(int(hours) * 3600 + int(minutes) * 60 + float(seconds)):
        raise Cancelled


def return_from(_: Session, __: Sequence[Token]) -> None:
    """RETURN."""
    raise Returned


def break_loop(_: Session, __: Sequence[Token]) -> None:
    """BREAK."""
    raise LoopBroken


def continue_loop(_: Session, __: Sequence[Token]) -> None:
    """CONTINUE."""
    raise LoopContinued


def use(session: Session, tokens: Sequence[Token]) -> None:
    """USE database."""
    session.use(unquote(tokens[1].text))
    session.answer.done()


def accept(session: Session, _: Sequence[Token]) -> None:
    """Do nothing, for statements that change nothing here."""
    session.answer.done()


def begin(session: Session, _: Sequence[Token]) -> None:
    """BEGIN TRAN."""
    session.begin()
    session.answer.done()


def commit(session: Session, _: Sequence[Token]) -> None:
    """COMMIT."""
    session.commit()
    session.answer.done()


def rollback(session: Session, tokens: Sequence[Token]) -> None:
    """ROLLBACK, all or to a savepoint."""
    name = _transaction_name(session, tokens)
    session.rollback(name)
    session.answer.done()


def save(session: Session, tokens: Sequence[Token]) -> None:
    """SAVE TRAN name."""
    session.transaction.save(_transaction_name(session, tokens))
    session.answer.done()


def _transaction_name(session: Session, tokens: Sequence[Token]) -> str:
    written = joined(tokens[2:]).strip()
    if written.startswith("@"):
        return str(session.variable(written[1:]).value)
    return unquote(written)


def kill(session: Session, tokens: Sequence[Token]) -> None:
    """KILL process."""
    number = int(tokens[1].text)
    found = next((s for s in session.engine.used if s.process == number), None)
    if found is None:
        raise ServerError(6106, f"Process ID {number} is not an active process ID.")
    found.end()
    session.answer.done()
