"""The listening server."""

import contextlib
import itertools
import socket
import threading

from standins.tds.certificate import tls_context
from standins.tds.connection import Connection
from standins.tds.engine import Engine
from standins.tds.login import Encryption

_FIRST_PROCESS = 51


class Server:
    """Listens on a port of 127.0.0.1 and serves every client in threads of its own."""

    def __init__(self, engine: Engine, *, port: int = 0, encryption: Encryption = "on") -> None:
        self._engine = engine
        self._encryption: Encryption = encryption
        self._context = tls_context()
        self._listener = socket.create_server(("127.0.0.1", port))
        self._connections: list[Connection] = []
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        """Accept clients until the server is closed."""
        for process in itertools.count(_FIRST_PROCESS):
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection = Connection(self._engine, client, process, self._context, self._encryption)
            self._connections = [c for c in self._connections if c.is_alive()] + [connection]
            connection.start()

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve, daemon=True).start()

    def close(self) -> None:
        """Listen no more and break all connections."""
        self._listener.close()
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.close()
