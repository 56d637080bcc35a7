"""Errors with SQL Server's numbers, and the signals that end statements, batches and sessions."""

#: Severity of errors that are not 16, so that a client sees the class it would see.
_SEVERITIES = {
    102: 15, 103: 15, 105: 15, 137: 15, 195: 15, 229: 14, 262: 14, 911: 16, 1105: 17, 1204: 19,
    1205: 13, 1222: 16, 1505: 14, 2601: 14, 2627: 14, 3701: 11, 4060: 11, 8623: 16, 9002: 17,
    10713: 15, 10704: 15, 15225: 11, 15248: 11, 15335: 11, 18456: 14, 4002: 20, 50002: 20,
}  # fmt: skip

_STATES = {1205: 51, 1222: 51, 229: 5, 1105: 2, 9002: 4}

#: Errors after which nothing more of the batch runs, in or out of a transaction.
ENDS_BATCH = frozenset(
    {102, 103, 105, 137, 156, 195, 206, 207, 208, 229, 241, 245, 262, 468, 1105, 1205, 2715, 2812}
    | {3906, 3930, 4002, 4104, 8003, 8114, 8169, 9002, 10713, 10738, 50001}
)

#: Errors that end the transaction although XACT_ABORT is off.
ENDS_TRANSACTION = frozenset({241, 245, 1205, 3960, 8114, 9002, 50001})


class ServerError(Exception):
    """An error of the server, as the client is told it."""

    def __init__(
        self, number: int, message: str, severity: int | None = None, state: int | None = None
    ) -> None:
        super().__init__(message)
        self.number = number
        self.message = message
        self.severity = _SEVERITIES.get(number, 16) if severity is None else severity
        self.state = _STATES.get(number, 1) if state is None else state

    @property
    def ends_transaction(self) -> bool:
        """Whether the transaction cannot go on, whatever XACT_ABORT says."""
        return self.number in ENDS_TRANSACTION

    @property
    def ends_batch(self) -> bool:
        """Whether the rest of the batch does not run."""
        return self.number in ENDS_BATCH or self.state == 127


def syntax_error(near: str) -> ServerError:
    """Return the error for text that is no T-SQL."""
    return ServerError(102, f"Incorrect syntax near '{near}'.")


def unsupported(what: str) -> ServerError:
    """Return the error for T-SQL that the stand-in does not know."""
    return ServerError(102, f"The stand-in has no {what}.")


class Signal(BaseException):
    """Not an error: something that leaves the statement under way."""


class Cancelled(Signal):
    """The client sent an attention, or is gone."""


class Dropped(Signal):
    """The connection is to be closed without an answer."""


class BatchEnd(Signal):
    """The error was sent; the batch ends."""


class Returned(Signal):
    """RETURN."""


class LoopBroken(Signal):
    """BREAK."""


class LoopContinued(Signal):
    """CONTINUE."""
