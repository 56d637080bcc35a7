"""PRELOGIN and LOGIN7: encryption, who the client is, and which database it wants."""

import ssl
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from standins.tds import tokens
from standins.tds.encode import COLLATION
from standins.tds.errors import Dropped, ServerError
from standins.tds.packets import ANSWER, LOGIN, PRELOGIN, Wire
from standins.tds.session import Session

Encryption = Literal["on", "off", "required"]

_VERSION = (16, 0, 3, 232)
_VERSION_OPTION, _ENCRYPTION_OPTION, _INSTANCE, _THREAD, _MARS = range(5)
_END = 0xFF
#: Values of the encryption option: for the login only, all, not supported, all or nothing.
_LOGIN_ONLY, _ALL, _NONE, _REQUIRED = 0, 1, 2, 3
_EXTENSIONS = 0x10


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """What LOGIN7 says."""

    user: str
    password: str
    database: str
    packet_size: int
    extensions: bool


def shake_hands(wire: Wire, context: ssl.SSLContext, mode: Encryption) -> LoginRequest:
    """Agree on encryption and read the login. Raises `Dropped`."""
    kind, data = wire.read_message()
    if kind != PRELOGIN:
        raise Dropped
    wanted = _options(data).get(_ENCRYPTION_OPTION, bytes((_NONE,)))[0]
    agreed = _agreed(wanted, mode)
    wire.send_message(ANSWER, _prelogin_answer(agreed))
    if agreed != _NONE:
        wire.start_tls(context)
    kind, data = wire.read_message()
    if agreed == _LOGIN_ONLY:
        wire.end_tls()
    if kind != LOGIN:
        raise Dropped
    return _read_login(data)


def _options(data: bytes) -> Mapping[int, bytes]:
    found, at = {}, 0
    while data[at] != _END:
        token, offset, length = struct.unpack_from(">BHH", data, at)
        found[token] = data[offset : offset + length]
        at += 5
    return found


def _agreed(wanted: int, mode: Encryption) -> int:
    if mode == "off":
        return _NONE
    if wanted in {_ALL, _REQUIRED}:
        return _ALL
    if mode == "required":
        return _REQUIRED
    return _NONE if wanted == _NONE else _LOGIN_ONLY


def _prelogin_answer(agreed: int) -> bytes:
    values = (
        (_VERSION_OPTION, bytes((*_VERSION, 0, 0))),
        (_ENCRYPTION_OPTION, bytes((agreed,))),
        (_INSTANCE, b"\0"),
        (_THREAD, b""),
        (_MARS, b"\0"),
    )
    head, body = b"", b""
    for token, value in values:
        head += struct.pack(">BHH", token, 5 * len(values) + 1 + len(body), len(value))
        body += value
    return head + bytes((_END,)) + body


def _read_login(data: bytes) -> LoginRequest:
    def place(number: int) -> tuple[int, int]:
        offset, length = struct.unpack_from("<HH", data, 36 + 4 * number)
        return offset, offset + length * 2

    def text(number: int) -> str:
        start, end = place(number)
        return data[start:end].decode("utf-16-le")

    start, end = place(2)
    # The password's halves of bytes are swapped, then all is xored.
    plain = bytes(((b ^ 0xA5) >> 4 | (b ^ 0xA5) << 4) & 0xFF for b in data[start:end])
    return LoginRequest(
        user=text(1),
        password=plain.decode("utf-16-le", "replace"),
        database=text(8),
        packet_size=int(struct.unpack_from("<I", data, 8)[0]),
        extensions=bool(data[27] & _EXTENSIONS),
    )


def log_in(session: Session, wire: Wire, request: LoginRequest) -> None:
    """Let the client in, or refuse it. Raises `Dropped`."""
    engine, answer = session.engine, session.answer
    login = engine.logins.get(request.user.lower())
    failed = ServerError(18456, f"Login failed for user '{request.user}'.")
    if login is None or login.password != request.password:
        _refuse(session, [failed])
    else:
        session.login = login
    database = engine.database(request.database or "master")
    if database is None or not session.login.may_open(database.name.lower()):
        cannot = ServerError(
            4060, f'Cannot open database "{request.database}" requested by the login. The login '
            "failed."
        )  # fmt: skip
        _refuse(session, [cannot, failed])
        return
    session.use(database.name)
    size = wire.packet_size
    answer.add(tokens.environment(tokens.COLLATION_SET, b"\5" + COLLATION))
    language, none = tokens.short_text("us_english"), tokens.short_text("")
    answer.add(tokens.environment(tokens.LANGUAGE, language, none))
    answer.inform("Changed language setting to us_english.", 5703)
    answer.add(tokens.login_acknowledgement("Microsoft SQL Server\0\0", _VERSION))
    agreed = wire.set_packet_size(request.packet_size)
    new, old = tokens.short_text(str(agreed)), tokens.short_text("4096")
    answer.add(tokens.environment(tokens.PACKET_SIZE, new, old))
    if request.extensions:
        answer.add(tokens.FEATURES)
    answer.done()
    # The answer itself still comes in packets of the old size.
    wire.packet_size = size
    answer.send(in_transaction=False)
    wire.packet_size = agreed


def _refuse(session: Session, errors: list[ServerError]) -> None:
    for error in errors:
        session.answer.error(error)
    session.answer.failed()
    session.answer.send(in_transaction=False)
    raise Dropped
