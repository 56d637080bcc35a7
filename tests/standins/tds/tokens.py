"""Tokens of the server's answers, as bytes."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass

from standins.tds.encode import type_info
from standins.tds.errors import ServerError
from standins.tds.sqltypes import SqlType

ERROR, INFO = 0xAA, 0xAB
DONE, DONE_PROCEDURE, DONE_IN_PROCEDURE = 0xFD, 0xFE, 0xFF
ROW = b"\xd1"

#: Bits of DONE's status.
MORE, FAILED, IN_TRANSACTION, COUNTED, ATTENTION, IN_BATCH = 0x01, 0x02, 0x04, 0x10, 0x20, 0x80

#: Flags of a column.
NULLABLE, WRITABLE, IDENTITY = 0x01, 0x08, 0x10

#: Kinds of ENVCHANGE.
DATABASE, LANGUAGE, PACKET_SIZE, COLLATION_SET = 1, 2, 4, 7
BEGAN, COMMITTED, ROLLED_BACK, RESET = 8, 9, 10, 18

_MESSAGE_LIMIT = 4000
_NAME_LIMIT = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultColumn:
    """A column of a result: name, type and flags."""

    name: str
    kind: SqlType
    flags: int = NULLABLE | WRITABLE


def short_text(text: str) -> bytes:
    """Return text with its length in one byte."""
    data = text.encode("utf-16-le", "surrogatepass")
    return bytes((len(data) // 2,)) + data


def long_text(text: str) -> bytes:
    """Return text with its length in two bytes."""
    data = text.encode("utf-16-le", "surrogatepass")
    return struct.pack("<H", len(data) // 2) + data


def environment(kind: int, new: bytes, old: bytes = b"\0") -> bytes:
    """Return ENVCHANGE."""
    return struct.pack("<BHB", 0xE3, 1 + len(new) + len(old), kind) + new + old


def message(token: int, error: ServerError) -> bytes:
    """Return ERROR or INFO."""
    body = struct.pack("<iBB", error.number, error.state, error.severity)
    body += long_text(error.message[:_MESSAGE_LIMIT]) + short_text("standin") + short_text("")
    body += struct.pack("<i", 1)
    return struct.pack("<BH", token, len(body)) + body


def column_metadata(columns: Sequence[ResultColumn]) -> bytes:
    """Return COLMETADATA."""
    return struct.pack("<BH", 0x81, len(columns)) + b"".join(
        struct.pack("<IH", 0, c.flags) + type_info(c.kind) + short_text(c.name[:_NAME_LIMIT])
        for c in columns
    )


def done(token: int, status: int, command: int, count: int) -> bytes:
    """Return DONE, DONEPROC or DONEINPROC."""
    return struct.pack("<BHHQ", token, status, command, count)


def return_status(code: int) -> bytes:
    """Return RETURNSTATUS of a procedure."""
    return struct.pack("<Bi", 0x79, code)


def return_value(position: int, name: str, kind: SqlType, encoded: bytes) -> bytes:
    """Return RETURNVALUE: an output parameter."""
    head = struct.pack("<BH", 0xAC, position) + short_text(name)
    return head + struct.pack("<BIH", 1, 0, 0) + type_info(kind) + encoded


def login_acknowledgement(program: str, version: tuple[int, int, int, int]) -> bytes:
    """Return LOGINACK for TDS 7.4."""
    body = b"\1\x74\0\0\4" + short_text(program) + bytes(version)
    return struct.pack("<BH", 0xAD, len(body)) + body


#: FEATUREEXTACK: session recovery acknowledged with no state, then the terminator.
FEATURES = b"\xae\x0a\1\0\0\0\1\xff"
