"""The values of @@ variables, and the server's own properties."""

import datetime as dt
from collections.abc import Callable
from typing import Any

from standins.tds.catalog import DEFAULT_COLLATION
from standins.tds.render import SYSTEM_VARIABLE
from standins.tds.session import Session
from standins.tds.sqltypes import (
    BIGINT,
    DATETIME2,
    DATETIMEOFFSET,
    INT,
    NVARCHAR_4000,
    SqlType,
)

VERSION = "16.0.1000.6"
_BANNER = f"Microsoft SQL Server 2022 (RTM) - {VERSION} (X64) (stand-in over DuckDB)"

SERVER_PROPERTIES: dict[str, str | int] = {
    "productversion": VERSION,
    "productmajorversion": "16",
    "productlevel": "RTM",
    "edition": "Developer Edition (64-bit)",
    "engineedition": 3,
    "collation": DEFAULT_COLLATION,
    "servername": "standin",
    "machinename": "standin",
    "iscluster": 0,
    "isintegratedsecurityonly": 0,
}


def _now(_: Session) -> str:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(" ")


def _now_with_offset(_: Session) -> str:
    return dt.datetime.now(dt.UTC).isoformat(" ")


def _lock_timeout(session: Session) -> int:
    timeout = session.transaction.lock_timeout
    return -1 if timeout is None else int(timeout * 1000)


_VALUES: dict[str, tuple[SqlType, Callable[[Session], Any]]] = {
    "trancount": (INT, lambda s: s.transaction.count),
    "rowcount": (INT, lambda s: s.options.rowcount),
    "error": (INT, lambda s: s.options.error),
    "identity": (BIGINT, lambda s: s.options.identity),
    "spid": (INT, lambda s: s.process),
    "version": (NVARCHAR_4000, lambda _: _BANNER),
    "servername": (NVARCHAR_4000, lambda _: "standin"),
    "language": (NVARCHAR_4000, lambda _: "us_english"),
    "lock_timeout": (INT, _lock_timeout),
    "options": (INT, lambda s: 16384 * s.options.xact_abort + 2 * s.options.implicit),
    "datefirst": (INT, lambda _: 7),
    "microsoftversion": (INT, lambda _: 0x10000000),
    "max_precision": (INT, lambda _: 38),
    "procid": (INT, lambda _: 0),
    "nestlevel": (INT, lambda _: 0),
    "dbts": (BIGINT, lambda _: 1),
    "fetch_status": (INT, lambda _: -1),
    "now": (DATETIME2, _now),
    "nowtz": (DATETIMEOFFSET, _now_with_offset),
}


def system_value(session: Session, name: str) -> tuple[SqlType, Any] | None:
    """Return type and value of an @@ variable given with its mark, None for other names."""
    if not name.startswith(SYSTEM_VARIABLE):
        return None
    known = _VALUES.get(name.removeprefix(SYSTEM_VARIABLE).lower())
    return (known[0], known[1](session)) if known else None
