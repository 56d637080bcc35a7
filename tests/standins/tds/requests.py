"""The requests of a logged-in client: batches, procedure calls, transactions, bulk loads."""

import struct
from collections.abc import Callable

from standins.tds import tokens
from standins.tds.bulk import receive
from standins.tds.decode import Reader, decoder, read_type, to_python
from standins.tds.encode import encoder
from standins.tds.errors import BatchEnd, Returned, ServerError, unsupported
from standins.tds.interpreter import (
    after_fault,
    before_fault,
    fail_batch,
    guarded,
    run_text,
)
from standins.tds.packets import BATCH, BULK_LOAD, PROCEDURE_CALL, TRANSACTION_REQUEST
from standins.tds.procedures import Argument, call
from standins.tds.running import wire_value
from standins.tds.session import Session
from standins.tds.sqltypes import NVARCHAR_MAX

_BY_NUMBER = {
    1: "sp_cursor",
    2: "sp_cursoropen",
    10: "sp_executesql",
    11: "sp_prepare",
    12: "sp_execute",
    13: "sp_prepexec",
    15: "sp_unprepare",
}
_NUMBERED = 0xFFFF
_CALL_ENDS = frozenset({0xFF, 0xFE})
_PARAMETERS = 2100
_BEGIN, _COMMIT, _ROLLBACK, _SAVE = 5, 7, 8, 9
_WORDS = {
    _BEGIN: "BEGIN TRAN",
    _COMMIT: "COMMIT TRAN",
    _ROLLBACK: "ROLLBACK TRAN",
    _SAVE: "SAVE TRAN",
}
_TRANSACTION_COMMANDS = {_BEGIN: 0xD4, _COMMIT: 0xD5, _ROLLBACK: 0xD2}
_TRACE_LIMIT = 3000
_UNCOMMITTABLE = ServerError(
    3998, "Uncommittable transaction is detected at the end of the batch. The transaction is "
    "rolled back."
)  # fmt: skip


def _trace(session: Session, text: str) -> None:
    if session.engine.trace:
        session.engine.trace(f"[{session.process}] {text[:_TRACE_LIMIT]}")


def run_request(session: Session, action: Callable[[], object]) -> None:
    """Run what a request asks for; errors that end it are sent, a doomed transaction ends."""
    session.options.trying = 0
    session.answer.depth = 0
    try:
        action()
    except (BatchEnd, Returned):
        session.answer.depth = 0
    except ServerError as error:
        fail_batch(session, error)
    if session.transaction.doomed:
        session.answer.error(_UNCOMMITTABLE)
        session.rollback()
        session.answer.failed()


def _batch_text(data: bytes) -> str:
    headers = int(struct.unpack_from("<I", data)[0])
    return data[headers:].decode("utf-16-le", "surrogatepass")


def _batch(session: Session, data: bytes) -> None:
    text = _batch_text(data)
    _trace(session, f"BATCH {text}")
    session.options.variables = {}
    run_request(session, lambda: run_text(session, text))


def _procedure_calls(session: Session, data: bytes) -> None:
    reader = Reader(data)
    reader.take(reader.number(4) - 4)
    while reader.more:
        name, arguments = _read_call(reader)
        _trace(session, f"RPC {name} {[(a.name, a.value) for a in arguments]}")
        _call(session, name, arguments, more=reader.more)


def _read_call(reader: Reader) -> tuple[str, list[Argument]]:
    length = reader.number(2)
    name = _BY_NUMBER.get(reader.number(2), "?") if length == _NUMBERED else reader.text(length)
    reader.number(2)
    arguments = []
    while reader.more and reader.data[reader.position] not in _CALL_ENDS:
        label = reader.text(reader.number(1)).lstrip("@").lower()
        status = reader.number(1)
        kind, fixed = read_type(reader)
        value, reader.position = decoder(kind, fixed=fixed)(reader.data, reader.position)
        output = (label or "out") if status & 1 else None
        arguments.append(Argument(label or None, kind, to_python(kind, value), output))
    if reader.more:
        reader.number(1)
    return name, arguments


def _call(session: Session, name: str, arguments: list[Argument], *, more: bool) -> None:
    code = 0

    def act() -> None:
        nonlocal code
        if len(arguments) > _PARAMETERS:
            raise ServerError(
                8003, "The incoming request has too many parameters. The server supports a maximum "
                "of 2100 parameters. Reduce the number of parameters and resend the request."
            )  # fmt: skip
        session.answer.depth = 1
        code = call(session, name.rsplit(".", maxsplit=1)[-1].strip("[]"), arguments)

    session.options.variables = {}
    run_request(session, act)
    session.answer.depth = 0
    session.answer.add(tokens.return_status(code))
    for position, argument in enumerate(arguments):
        if argument.output:
            _return(session, position, argument)
    session.answer.done(token=tokens.DONE_PROCEDURE, status=tokens.IN_BATCH if more else 0)


def _return(session: Session, position: int, argument: Argument) -> None:
    kind = NVARCHAR_MAX if argument.kind.is_text else argument.kind
    value = wire_value(session, kind, argument.value)
    encode, null = encoder(kind)
    encoded = null if value is None else encode(value)
    name = f"@{argument.name}" if argument.name else ""
    session.answer.add(tokens.return_value(position, name, kind, encoded))


def _transaction(session: Session, data: bytes) -> None:
    reader = Reader(data)
    reader.take(reader.number(4) - 4)
    kind = reader.number(2)
    word = _WORDS.get(kind, f"TRANSACTION REQUEST {kind}")
    _trace(session, word)
    fault = session.engine.faults.at(word)

    def act() -> None:
        before_fault(session, fault)
        if kind == _BEGIN:
            session.begin()
        elif kind in {_COMMIT, _ROLLBACK}:
            name = reader.text(reader.number(1) // 2)
            again = reader.number(1) if reader.more else 0
            if kind == _COMMIT:
                session.commit()
            else:
                session.rollback(name)
            if again & 1:
                session.begin()
        elif kind == _SAVE:
            session.transaction.save(reader.text(reader.number(1) // 2))
        else:
            raise unsupported("distributed transactions")
        session.answer.done(command=_TRANSACTION_COMMANDS.get(kind, 0))

    run_request(session, lambda: guarded(session, act))
    after_fault(fault)


def _bulk(session: Session, data: bytes) -> None:
    run_request(session, lambda: receive(session, data))


def answer_request(session: Session, kind: int, data: bytes) -> None:
    """Do what a request asks for, and what a test wants to happen at it."""
    fault = None
    if session.engine.faults.any:
        fault = session.engine.faults.at(_text(session, kind, data), "request")
    before_fault(session, fault)
    _REQUESTS[kind](session, data)
    after_fault(fault)


def _text(session: Session, kind: int, data: bytes) -> str:
    """Return a request as faults are told of it."""
    if kind == BATCH:
        return _batch_text(data)
    if kind == BULK_LOAD:
        announced = session.options.bulk
        return f"BULK LOAD {announced.table.name if announced else ''}"
    reader = Reader(data)
    reader.take(reader.number(4) - 4)
    if kind == TRANSACTION_REQUEST:
        return _WORDS.get(reader.number(2), "")
    name, arguments = _read_call(reader)
    return f"{name} " + " ".join(a.value for a in arguments if isinstance(a.value, str))


_REQUESTS: dict[int, Callable[[Session, bytes], None]] = {
    BATCH: _batch,
    PROCEDURE_CALL: _procedure_calls,
    TRANSACTION_REQUEST: _transaction,
    BULK_LOAD: _bulk,
}
