"""The answer to one request: tokens are collected and sent as one message."""

from collections.abc import Iterable, Sequence
from typing import Any

from standins.tds import tokens
from standins.tds.encode import encoder
from standins.tds.errors import ServerError
from standins.tds.packets import ANSWER, Wire
from standins.tds.sqltypes import SqlType

_FLUSH = 1 << 20
SELECTED = 0xC1


class Answer:
    """Collects tokens; the last DONE waits, since whether more follows is one of its bits."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._data = bytearray()
        self._pending: tuple[int, int, int, int] | None = None
        #: How deep procedures are nested: DONE has another token inside of them.
        self.depth = 0

    def clear(self) -> None:
        """Forget what was not sent."""
        self._data.clear()
        self._pending = None
        self.depth = 0

    def add(self, data: bytes) -> None:
        """Add tokens; what is more than a megabyte is sent on its way."""
        self._settle(more=True)
        self._data += data
        if len(self._data) > _FLUSH:
            step = self._wire.packet_size - 8
            whole = len(self._data) // step * step
            self._wire.send_message(ANSWER, bytes(self._data[:whole]), last=False)
            del self._data[:whole]

    def error(self, error: ServerError) -> None:
        """Add an error."""
        self.add(tokens.message(tokens.ERROR, error))

    def inform(self, text: str, number: int = 0, severity: int = 0, state: int = 1) -> None:
        """Add a message that is no error."""
        self.add(tokens.message(tokens.INFO, ServerError(number, text, severity, state)))

    def done(
        self, count: int | None = None, *, command: int = 0, status: int = 0, token: int = 0
    ) -> None:
        """Add DONE for a statement; ``count`` is None when no rows are reported."""
        self._settle(more=True)
        if count is not None:
            status |= tokens.COUNTED
        token = token or (tokens.DONE_IN_PROCEDURE if self.depth else tokens.DONE)
        self._pending = (token, status, command, count or 0)

    def failed(self, token: int = 0) -> None:
        """Add DONE for a statement that failed."""
        self.done(status=tokens.FAILED, token=token)

    def rows(self, columns: Sequence[tuple[str, SqlType]], rows: Iterable[Sequence[Any]]) -> None:
        """Add a whole small result of Python values."""
        described = [tokens.ResultColumn(name=name, kind=kind) for name, kind in columns]
        self.add(tokens.column_metadata(described))
        codecs = [encoder(kind) for _, kind in columns]
        count = 0
        for row in rows:
            cells = zip(row, codecs, strict=True)
            self.add(
                tokens.ROW + b"".join(null if v is None else put(v) for v, (put, null) in cells)
            )
            count += 1
        self.done(count, command=SELECTED)

    def send(self, *, in_transaction: bool) -> None:
        """End the message and send it."""
        if self._pending is None:
            self.done()
        if self._pending is not None and in_transaction:
            token, status, command, count = self._pending
            self._pending = (token, status | tokens.IN_TRANSACTION, command, count)
        self._settle(more=False)
        data = bytes(self._data)
        self._data.clear()
        self._wire.send_message(ANSWER, data)

    def _settle(self, *, more: bool) -> None:
        if self._pending:
            token, status, command, count = self._pending
            self._pending = None
            self._data += tokens.done(token, status | more, command, count)
