"""Runs batches: control flow, errors and variables; statements run by their first word."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from standins.tds.batch import Block, If, Node, Statement, Try, While, parse_batch
from standins.tds.errors import (
    BatchEnd,
    Cancelled,
    Dropped,
    LoopBroken,
    LoopContinued,
    ServerError,
    Signal,
    syntax_error,
)
from standins.tds.faults import Fault
from standins.tds.lexer import Token, joined, tokenize, unquote, word_set
from standins.tds.quick import quick_condition, quick_object, quick_text, quick_value
from standins.tds.render import render
from standins.tds.running import prepare, readable
from standins.tds.session import Session
from standins.tds.sqltypes import INT, MAX, TIMES, SqlType
from standins.tds.translate import duckdb_text, parse, scope_of, translate
from standins.tds.translation import Translation

_Answer = TypeVar("_Answer")
#: Statements that begin a transaction under SET IMPLICIT_TRANSACTIONS ON.
_BEGINS = word_set("INSERT UPDATE DELETE MERGE CREATE ALTER DROP TRUNCATE")
#: Statements that set @@ROWCOUNT themselves, or leave it as it is.
_KEEP_ROWCOUNT = word_set(
    "SELECT WITH INSERT UPDATE DELETE MERGE EXEC EXECUTE DECLARE SET RETURN THROW"
)
_NAMED_CALL = "EXEC"


def run_text(session: Session, text: str) -> None:
    """Run a batch. Raises `ServerError` only inside of TRY, else errors are sent."""
    nodes: tuple[Node, ...] = session.engine.batches.get(text, lambda: parse_batch(text))
    run_nodes(session, nodes)


def run_nodes(session: Session, nodes: Sequence[Node]) -> None:
    """Run statements one after the other."""
    for node in nodes:
        if session.cancelled.is_set():
            raise Cancelled
        if isinstance(node, Statement):
            _run_statement(session, node.tokens)
        elif isinstance(node, Block):
            run_nodes(session, node.body)
        elif isinstance(node, If):
            chosen = node.body if _holds(session, node.condition) else node.other
            if chosen:
                run_nodes(session, [chosen])
        elif isinstance(node, While):
            _loop(session, node)
        else:
            _try(session, node)


def _holds(session: Session, condition: Sequence[Token]) -> bool:
    known = quick_condition(session, condition)
    if known is not None:
        return known
    text = f"SELECT CASE WHEN ({render(condition)}) THEN 1 ELSE 0 END"
    return guarded(session, lambda: value_of(session, text, INT)) == 1


def _loop(session: Session, node: While) -> None:
    while _holds(session, node.condition):
        try:
            run_nodes(session, [node.body])
        except LoopContinued:
            continue
        except LoopBroken:
            return


def _try(session: Session, node: Try) -> None:
    options = session.options
    options.trying += 1
    try:
        run_nodes(session, node.body)
    except ServerError as error:
        options.trying -= 1
        transaction = session.transaction
        if transaction.count and (options.xact_abort or error.ends_transaction):
            transaction.doomed = True
        outer, options.caught = options.caught, error
        try:
            run_nodes(session, node.caught)
        finally:
            options.caught = outer
    except Signal:
        options.trying -= 1
        raise
    else:
        options.trying -= 1


def guarded(session: Session, action: Callable[[], _Answer]) -> _Answer | None:
    """Run one step; outside of TRY an error is sent and may end the transaction and the batch."""
    try:
        answer = action()
    except ServerError as error:
        session.options.error = error.number
        if session.options.trying:
            raise
        _report(session, error)
        if session.options.xact_abort or error.ends_batch:
            raise BatchEnd from None
        return None
    session.options.error = 0
    return answer


def _report(session: Session, error: ServerError) -> None:
    session.answer.error(error)
    if session.transaction.count and (session.options.xact_abort or error.ends_transaction):
        session.rollback()
    session.answer.failed()


def fail_batch(session: Session, error: ServerError) -> None:
    """Send an error that no statement could be blamed for."""

    def failing() -> None:
        raise error

    session.options.trying = 0
    session.answer.depth = 0
    try:
        guarded(session, failing)
    except BatchEnd:
        return


def before_fault(session: Session, fault: Fault | None) -> None:
    """Let a fault happen at the point where its statement would begin. Raises `Dropped`, ..."""
    if fault is None:
        return
    if fault.action == "drop_before":
        raise Dropped
    if fault.action == "error":
        number = int(fault.argument)
        raise ServerError(number, f"Injected error {number}.")
    if fault.action == "delay" and session.cancelled.wait(fault.argument):
        raise Cancelled


def after_fault(fault: Fault | None) -> None:
    """Let a fault happen after its statement. Raises `Dropped`."""
    if fault and fault.action == "drop_after":
        raise Dropped


def _run_statement(session: Session, tokens: Sequence[Token]) -> None:
    fault = session.engine.faults.at(joined(tokens))

    def act() -> None:
        before_fault(session, fault)
        word = tokens[0].word
        if session.options.implicit and not session.transaction.count and _begins(tokens):
            session.begin()
        run = session.statements.get(word if tokens[0].kind == "name" else "")
        if run:
            if word not in _KEEP_ROWCOUNT:
                session.options.rowcount = 0
            run(session, tokens)
        elif tokens[0].is_name:
            # A procedure's name alone, at the start of a batch.
            session.statements[_NAMED_CALL](session, [tokens[0], *tokens])
        else:
            raise syntax_error(tokens[0].text)

    guarded(session, act)
    after_fault(fault)


def _begins(tokens: Sequence[Token]) -> bool:
    word = tokens[0].word
    if word in _BEGINS:
        return len(tokens) > 1 and tokens[1].word != "DATABASE"
    return word in {"SELECT", "WITH"} and any(t.word == "FROM" for t in tokens)


def evaluate(session: Session, tokens: Sequence[Token], kind: SqlType) -> Any:
    """Return the value of an expression, cut to the type as an assignment does."""
    known = _quickly(session, tokens, kind)
    return known[0] if known else value_of(session, "SELECT " + render(tokens), kind)


def _quickly(session: Session, tokens: Sequence[Token], kind: SqlType) -> tuple[Any] | None:
    if len(tokens) == 1:
        token = tokens[0]
        known = quick_value(session, token, kind)
        if known is not None:
            return (known,)
        if token.kind == "text" and kind.is_text:
            text = unquote(token.text)
            return (text if kind.length == MAX else text[: kind.length],)
        if token.word == "NULL":
            return (None,)
    if kind.name in {"int", "bigint"}:
        return quick_object(session, tokens)
    said = quick_text(session, tokens) if kind.is_text and kind.is_unicode else None
    if said is None or said[0] is None or kind.length == MAX:
        return said
    return (said[0][: kind.length],)


def value_of(session: Session, text: str, kind: SqlType) -> Any:
    """Return the one value of a query as a variable of this type holds it."""
    tree = parse(session, text)
    translation = Translation(session=session, scope=scope_of(session, tree))
    tree = translate(tree, translation)
    cast = as_variable("v", kind)
    tables = readable(session, translation.scope.values())
    with session.transaction.atomic(reads=tables):
        prepare(translation)
        sql = f"SELECT {cast} FROM ({duckdb_text(tree)}) AS q(v)"
        row = session.transaction.run(sql, translation.parameters).fetchone()
    value = row[0] if row else None
    if kind.length > 0 and isinstance(value, str | bytes):
        return value[: kind.length]
    return value


def as_variable(expression: str, kind: SqlType) -> str:
    """Return DuckDB text that casts a value to what a variable holds: times are kept as text."""
    cast = f"CAST({expression} AS {kind.duckdb})"
    return f"CAST({cast} AS VARCHAR)" if kind.name in TIMES else cast


def evaluate_text(session: Session, text: str, kind: SqlType) -> Any:
    """Return the value of an expression given as text."""
    return evaluate(session, tokenize(text), kind)
