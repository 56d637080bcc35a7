"""One client's connection: a thread reads its messages, another one answers them."""

import queue
import socket
import ssl
import threading
import traceback

from standins.tds import tokens
from standins.tds.answer import Answer
from standins.tds.engine import Engine
from standins.tds.errors import Cancelled, Dropped, ServerError
from standins.tds.functions import MACROS
from standins.tds.login import Encryption, log_in, shake_hands
from standins.tds.packets import ANSWER, ATTENTION, Wire
from standins.tds.requests import answer_request
from standins.tds.session import Session
from standins.tds.statements import STATEMENTS

_RESET_BITS = 0x18
_Message = tuple[int, bytes, int]


class Connection(threading.Thread):
    """Serves one client until it is gone."""

    def __init__(
        self,
        engine: Engine,
        connection: socket.socket,
        process: int,
        context: ssl.SSLContext,
        encryption: Encryption,
    ) -> None:
        super().__init__(daemon=True, name=f"session-{process}")
        self._engine = engine
        self._wire = Wire(connection)
        self._process = process
        self._context = context
        self._encryption: Encryption = encryption
        self._inbox: queue.Queue[_Message | None] = queue.Queue()
        self._cancelled = threading.Event()

    def close(self) -> None:
        """Break the connection."""
        self._wire.close()

    def run(self) -> None:
        """Log in, then answer requests."""
        try:
            request = shake_hands(self._wire, self._context, self._encryption)
        except Dropped:
            self._wire.close()
            return
        answer = Answer(self._wire)
        session = Session(
            self._engine,
            answer,
            process=self._process,
            cancelled=self._cancelled,
            statements=STATEMENTS,
            end=self._wire.close,
        )
        for macro in MACROS:
            session.transaction.connection.execute(macro)
        try:
            log_in(session, self._wire, request)
            threading.Thread(target=self._read, args=(session,), daemon=True).start()
            while (message := self._inbox.get()) is not None:
                self._answer(session, *message)
        except Dropped:
            return
        finally:
            self._engine.used.pop(session, None)
            session.transaction.close()
            self._wire.close()

    def _read(self, session: Session) -> None:
        try:
            while True:
                kind, data = self._wire.read_message()
                if kind == ATTENTION:
                    self._cancel(session)
                self._inbox.put((kind, data, self._wire.status))
        except Dropped:
            self._cancel(session)
            self._inbox.put(None)

    def _cancel(self, session: Session) -> None:
        self._cancelled.set()
        session.transaction.connection.interrupt()

    def _answer(self, session: Session, kind: int, data: bytes, status: int) -> None:
        answer = session.answer
        if kind == ATTENTION:
            self._cancelled.clear()
            answer.clear()
            done = tokens.done(tokens.DONE, tokens.ATTENTION, 0, 0)
            self._wire.send_message(ANSWER, done)
            return
        if status & _RESET_BITS:
            session.reset()
            session.use(session.database)
            answer.add(tokens.environment(tokens.RESET, b"\0"))
        try:
            answer_request(session, kind, data)
        except Cancelled:
            # What is left of the answer is replaced by the acknowledgement of the attention.
            answer.clear()
            if session.options.xact_abort:
                session.transaction.abandon()
            return
        except ServerError as error:
            answer.depth = 0
            answer.error(error)
            answer.failed()
        except Exception as error:  # noqa: BLE001 (a defect of the stand-in fails the statement)
            self._report(session, error)
        answer.send(in_transaction=bool(session.transaction.count))

    def _report(self, session: Session, error: Exception) -> None:
        if self._engine.trace:
            self._engine.trace(traceback.format_exc())
        session.answer.depth = 0
        text = f"Stand-in: {type(error).__name__}: {error}"
        session.answer.error(ServerError(50002, text))
        session.answer.failed()
