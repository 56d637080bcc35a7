"""The HTTPS side: Thrift calls, presigned addresses, REST, faults."""

import http.server
import json
import os
import re
import socket
import socketserver
import ssl
import threading
import time
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from databricks.sql.thrift_api.TCLIService import TCLIService
from thrift.protocol.TBinaryProtocol import TBinaryProtocol
from thrift.transport.TTransport import TMemoryBuffer

from standins.databricks.access import Access
from standins.databricks.faults import Fault, Faults
from standins.databricks.rest import Rest
from standins.databricks.service import Service
from standins.databricks.volumes import Volumes

#: The statement of a call, or its name.
_WORDS: Final = re.compile(r"[ -~\n]+")
_WAREHOUSE: Final = re.compile(r"/sql/(1\.0|protocolv1)/(warehouses|endpoints|o)/(?!unknown$).+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    authorization: str

    @property
    def text(self) -> str:
        """What faults are looked for in."""
        said = f"{self.method} {self.path}"
        return f"{said}\n{self.body.decode(errors='ignore')}" if self.is_thrift else said

    @property
    def alike(self) -> str:
        """What it has in common with those that ask for the same, of other sessions too."""
        if not self.is_thrift:
            # The key of an address is another one each time.
            path = self.path.rpartition("/")[0] if "/presigned/" in self.path else self.path
            return f"{self.method} {path}"
        said = self.body.decode(errors="ignore")
        return max(_WORDS.findall(said), key=len, default="")

    @property
    def kind(self) -> str:
        """What it is counted as: a call of the SQL service, an upload, or another REST call."""
        if self.is_thrift:
            return "(call)"
        is_file = self.path.startswith(("/presigned/", "/api/2.0/fs/files/"))
        return "(upload)" if self.method == "PUT" and is_file else "(REST)"

    @property
    def is_thrift(self) -> bool:
        """Whether it is a call of the SQL service."""
        return self.path.startswith("/sql/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What it is answered with; without a status, the connection is closed instead."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_response(content: object, status: int = 200) -> Response:
    """Return JSON."""
    body = json.dumps(content).encode()
    return Response(status=status, body=body, headers={"Content-Type": "application/json"})


def _refused(status: int, message: str) -> Response:
    told = json_response({"error_code": str(status), "message": message}, status)
    reason = {"x-databricks-reason-phrase": message}
    return Response(status=status, body=told.body, headers={**told.headers, **reason})


class Site:
    """Everything behind the addresses."""

    def __init__(
        self, *, service: Service, volumes: Volumes, access: Access, rest: Rest, faults: Faults
    ) -> None:
        self._service = service
        self._processor = TCLIService.Processor(service)
        self._volumes = volumes
        self._access = access
        self._rest = rest
        self._faults = faults
        self._requests = 0

    def answer(self, request: Request) -> Response | None:
        """Return the answer, or None to close the connection instead."""
        if request.path.startswith("/_control/"):
            return self._control(request)
        self._requests += 1
        fault = self._faults.at(request.text, request.alike)
        if fault is None:
            try:
                with self._service.tally.timed(request.kind, len(request.body)):
                    return self._open(request)
            except Exception as error:  # noqa: BLE001 (whatever it is, the client has to be told)
                message = f"{type(error).__name__}: {error}"
                return json_response({"error_code": "INTERNAL_ERROR", "message": message}, 400)
        if fault.action == "die_before":
            self._faults.keep()
            os._exit(1)
        if fault.action == "drop_before":
            return None
        if fault.action == "status":
            wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return Response(status=fault.status, body=b"{}", headers=wait)
        return self._faulty(request, fault)

    def _faulty(self, request: Request, fault: Fault) -> Response | None:
        if fault.action == "delay":
            time.sleep(fault.seconds)
        if fault.action == "expire":
            self._access.expire(request.authorization)
        if fault.action == "error":
            self._service.failing.message = fault.message
        try:
            response = self._open(request)
        finally:
            self._service.failing.message = ""
        if fault.action == "die_after":
            self._faults.keep()
            os._exit(1)
        return None if fault.action == "drop_after" else response

    def _control(self, request: Request) -> Response:
        what = request.path.removeprefix("/_control/")
        if what == "faults" and request.method == "DELETE":
            left = self._faults.clear(request.query.get("pattern", ""))
            return json_response([asdict(fault) for fault in left])
        if what == "faults":
            self._faults.add(Fault(**json.loads(request.body)))
        elif what == "log":
            return json_response(self._service.log)
        elif what == "warehouse":
            self._rest.change(json.loads(request.body))
        elif what == "tally":
            return json_response(self._service.tally.taken())
        elif what == "counts":
            return json_response({"tokens": self._access.issued, "requests": self._requests})
        return json_response({})

    def _open(self, request: Request) -> Response:  # noqa: PLR0911 (one for each kind of address)
        path = request.path
        if path.startswith("/presigned/"):
            return self._presigned(request)
        known = self._rest.discovery(path)
        if known is not None:
            return json_response(known)
        if path == "/oidc/v1/token":
            refusal, told = self._access.token(request.body, request.authorization)
            return json_response(told, refusal)
        if not self._access.allows(request.authorization):
            return _refused(*self._access.refusal(request.authorization))
        if request.is_thrift:
            if not _WAREHOUSE.fullmatch(path):
                return _refused(404, f"No warehouse at {path}")
            if self._rest.refusal:
                return _refused(403, self._rest.refusal)
            if not self._rest.wakes():
                body = b'{"error_code": "TEMPORARILY_UNAVAILABLE", "message": "starting"}'
                return Response(status=503, body=body, headers={"Retry-After": "1"})
            answer = TMemoryBuffer()
            sent = TBinaryProtocol(
                TMemoryBuffer(request.body), string_length_limit=None, container_length_limit=None
            )
            self._processor.process(sent, TBinaryProtocol(answer))
            thrift = {"Content-Type": "application/x-thrift"}
            return Response(body=answer.getvalue(), headers=thrift)
        status, content = self._rest.answer(request.method, path, request.query, request.body)
        if isinstance(content, bytes):
            return Response(status=status, body=content)
        return json_response(content, status) if content is not None else Response(status=status)

    def _presigned(self, request: Request) -> Response:
        ticket = self._volumes.ticket(request.path.rpartition("/")[2], request.method)
        if ticket is None:
            return Response(status=403, body=b"SignatureDoesNotMatch")
        path = self._volumes.path(ticket.remote)
        if ticket.method == "PUT":
            self._volumes.write(ticket.remote, request.body)
            return Response()
        if not path.is_file():
            return json_response({"error_code": "NOT_FOUND", "message": "no such file"}, 404)
        if ticket.method == "DELETE":
            path.unlink()
            return Response(status=204)
        return Response(body=path.read_bytes())


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that go away are what tests are about."""


def serve(
    answer: Callable[[Request], Response | None], port: int, tls: ssl.SSLContext | None
) -> http.server.HTTPServer:
    """Return a server that listens; ``serve_forever`` is the caller's."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *_: Any) -> None:
            """Log nothing."""

        def _handle(self) -> None:
            address = urllib.parse.urlsplit(self.path)
            response = answer(
                Request(
                    method=self.command,
                    path=urllib.parse.unquote(address.path),
                    query=dict(urllib.parse.parse_qsl(address.query)),
                    body=self._body(),
                    authorization=self.headers.get("Authorization") or "",
                )
            )
            if response is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(response.body)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _handle  # noqa: N815 (http.server's)

    server = _Server(("127.0.0.1", port), Handler)
    if tls:
        server.socket = tls.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    return server


def stop_on(server: http.server.HTTPServer) -> Callable[..., None]:
    """Return a signal handler that ends the server."""

    def stop(*_: Any) -> None:
        threading.Thread(target=server.shutdown, daemon=True).start()

    return stop
