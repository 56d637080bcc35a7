"""Packets and messages over a socket, plain or inside TLS."""

import socket
import ssl
import struct
import threading

from standins.tds.errors import Dropped

BATCH, PROCEDURE_CALL, ANSWER, ATTENTION, BULK_LOAD = 1, 3, 4, 6, 7
TRANSACTION_REQUEST, LOGIN, PRELOGIN = 14, 16, 18

_HEADER = struct.Struct(">BBHHBB")
_CHUNK = 1 << 18
_TLS_CHUNK = 1 << 16
_SMALLEST = 512


class Wire:
    """The socket of a session: one thread reads, another writes."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.packet_size = 4096
        #: The status bits of the last message read.
        self.status = 0
        self._packet = 0
        self._plain = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        # The TLS state is shared by the reading and the writing thread.
        self._tls_lock = threading.Lock()
        self._send_lock = threading.Lock()

    @property
    def encrypted(self) -> bool:
        """Whether packets travel inside TLS."""
        return self._tls is not None

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Shake hands; the handshake travels in PRELOGIN packets, records afterwards are bare."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                finished = False
            else:
                finished = True
            if data := self._outgoing.read():
                self.send_message(PRELOGIN, data)
            if finished:
                break
            self._incoming.write(self.read_message()[1])
        self._tls = tls

    def end_tls(self) -> None:
        """Go on in the clear: only the login was to be encrypted."""
        self._tls = None

    def read_message(self) -> tuple[int, bytes]:
        """Return the kind and the data of the next message. Raises `Dropped` at the end."""
        parts: list[bytes] = []
        status = 0
        while True:
            kind, flags, length = _HEADER.unpack(self._receive(_HEADER.size))[:3]
            parts.append(self._receive(length - _HEADER.size))
            status |= flags
            if flags & 1:
                self.status = status
                return kind, parts[0] if len(parts) == 1 else b"".join(parts)

    def send_message(self, kind: int, data: bytes, *, last: bool = True) -> None:
        """Send a message, or with ``last`` false the beginning of one (whole packets only)."""
        step = self.packet_size - _HEADER.size
        packets = []
        for start in range(0, max(len(data), 1), step):
            part = data[start : start + step]
            self._packet = self._packet % 255 + 1
            flags = int(last and start + step >= len(data))
            size = len(part) + _HEADER.size
            packets.append(_HEADER.pack(kind, flags, size, 0, self._packet, 0) + part)
        # Microsoft's driver wants a TLS record per packet.
        for block in packets if self.encrypted else [b"".join(packets)]:
            self._send(block)

    def set_packet_size(self, wanted: int) -> int:
        """Take over the packet size that the client asked for, within limits; return it."""
        # A packet must fit one TLS record.
        largest = 16000 if self.encrypted else 32767
        self.packet_size = min(max(wanted or 4096, _SMALLEST), largest)
        return self.packet_size

    def close(self) -> None:
        """Close the socket; a thread that reads from it wakes up."""
        try:
            self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            # The client was faster.
            return
        finally:
            self.connection.close()

    def _send(self, data: bytes) -> None:
        with self._send_lock:
            if self._tls is not None:
                with self._tls_lock:
                    self._tls.write(data)
                    data = self._outgoing.read()
            try:
                self.connection.sendall(data)
            except OSError as error:
                raise Dropped from error

    def _receive(self, count: int) -> bytes:
        while len(self._plain) < count:
            if self._tls is None:
                self._plain += self._raw()
            elif not self._decrypt():
                data = self._raw()
                with self._tls_lock:
                    self._incoming.write(data)
        taken = bytes(self._plain[:count])
        del self._plain[:count]
        return taken

    def _decrypt(self) -> bool:
        if self._tls is None:
            return False
        with self._tls_lock:
            try:
                data = self._tls.read(_TLS_CHUNK)
            except ssl.SSLWantReadError:
                return False
            except ssl.SSLError as error:
                raise Dropped from error
        if not data:
            raise Dropped
        self._plain += data
        return True

    def _raw(self) -> bytes:
        try:
            data = self.connection.recv(_CHUNK)
        except OSError as error:
            raise Dropped from error
        if not data:
            raise Dropped
        return data
