"""What is logged to standard error: lines for people, or JSON for programs, with ids of runs."""

import logging
import sys
import threading
from types import TracebackType
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from syncline.cli.log_option import LogFormat, LogLevel

_LOG = logging.getLogger(__name__)
#: Members in this order come before all others.
_FIRST = ("timestamp", "level", "logger", "event", "request", "node", "run", "task", "target")


def begin_logging(form: LogFormat, level: LogLevel) -> None:
    """Log from now on; whatever was set up before is replaced.

    ``level`` is of our own loggers. Others are only heard when something is wrong: at lower levels
    some of them repeat what they send, secrets included (Invariant 7).
    """
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        # What a line says itself goes before what surrounds it.
        structlog.contextvars.merge_contextvars,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        # Of a traceback, code and messages; never the values of variables.
        structlog.processors.format_exc_info,
    ]
    last: Processor = _text if form == "text" else structlog.processors.JSONRenderer(default=str)
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _ordered, last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("syncline").setLevel(level.upper())
    logging.captureWarnings(True)
    # What Python itself would write to standard error, past the log.
    sys.unraisablehook = _unraisable
    sys.excepthook = _uncaught
    threading.excepthook = _ended


def _ordered(_: object, __: str, event: EventDict) -> EventDict:
    first = {name: event[name] for name in _FIRST if name in event}
    return first | {name: value for name, value in event.items() if name not in first}


def _text(_: object, __: str, event: EventDict) -> str:
    rest: dict[str, Any] = dict(event)
    head = [str(rest.pop(name, "")) for name in ("timestamp", "level", "logger")]
    message, trace = str(rest.pop("event", "")), rest.pop("exception", "")
    more = "".join(f" {name}={value}" for name, value in rest.items())
    return f"{head[0]} {head[1].upper()} {head[2]}: {message}{more}" + (
        f"\n{trace}" if trace else ""
    )


def _unraisable(found: Any) -> None:
    _LOG.warning(
        "%s in %r", found.err_msg or "an error that nobody waits for", found.object,
        exc_info=(found.exc_type, found.exc_value or found.exc_type(), found.exc_traceback),
    )  # fmt: skip


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _LOG.critical("the program broke", exc_info=(kind, error, trace))


def _ended(found: threading.ExceptHookArgs) -> None:
    if found.exc_type is not SystemExit:
        _LOG.error(
            "a thread broke",
            exc_info=(found.exc_type, found.exc_value or found.exc_type(), found.exc_traceback),
        )
