"""One HTTP exchange: the only place that knows the HTTP library."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from urllib.request import getproxies, proxy_bypass

import aiohttp
from yarl import URL

from syncline import __version__
from syncline.errors import AddressRefused, ConfigError, PropertyError, Unavailable
from syncline.extract.answer import Answer, Send, address, moment
from syncline.extract.bodies import too_long
from syncline.model.reach import EVERYWHERE, Reach
from syncline.profile.pagination import Request
from syncline.profile.schema import Limits

__all__ = ["Send", "Transport"]

#: What is raised where a socket would be made for an address that is out of reach; the library
#: puts errors of several addresses into one by their texts.
_OUT_OF_REACH = "out of reach"


class Transport:
    """Connections to hosts, kept alive; no cookies, no redirects, no retries."""

    def __init__(
        self,
        *,
        connections: int = 8,
        timeout: float = 120.0,
        most: int = Limits.model_fields["page_bytes"].default,
        monotonic: Callable[[], float] = time.monotonic,
        reach: Reach = EVERYWHERE,
    ) -> None:
        self._reach = reach
        self._connections = connections
        self._timeout = timeout
        #: Greatest answer that is read, in bytes.
        self._most = most
        self._monotonic = monotonic
        #: Direct connections, and those over a proxy.
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        #: The proxy to use for a scheme and host, as the environment says.
        self._proxies: dict[tuple[str, str], str | None] = {}

    async def send(self, request: Request, body: bytes | None = None) -> Answer:
        """Return the answer to a request, whatever its status.

        Raises `Unavailable` if there is none, or only a part of it; `ResponseRefused` if it is
        longer than is allowed; `AddressRefused` if it would come from where we may not ask;
        `ConfigError` if there cannot be one. The messages name neither address nor headers.
        """
        url = _url(request)
        proxy = self._proxy(url.scheme, url.host or "")
        sent = self._monotonic()
        try:
            if proxy is not None:
                await self._look_up(url)
            session = self._open(direct=proxy is None)
            async with session.request(
                request.method,
                url,
                headers=request.headers,
                data=body,
                allow_redirects=False,
                proxy=proxy,
            ) as response:
                content = await self._read(response.content)
                headers = _lowered(response.headers.items())
        except (aiohttp.ClientError, TimeoutError, UnicodeError, OSError) as error:
            if _out_of_reach(error):
                raise AddressRefused(
                    "the address is not one of the public internet",
                    hint="an administrator can allow private addresses with "
                    "SYNCLINE_ALLOW_PRIVATE_ADDRESSES",
                ) from error
            raise _failure(error, self._timeout) from error
        return Answer(
            status=response.status,
            headers=headers,
            body=content,
            date=moment(headers.get("date", "")),
            sent=sent,
            received=self._monotonic(),
        )

    async def _read(self, content: aiohttp.StreamReader) -> bytes:
        parts: list[bytes] = []
        size = 0
        while part := await content.readany():
            size += len(part)
            if size > self._most:
                raise too_long(self._most)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def aclose(self) -> None:
        """Close the connections."""
        while self._sessions:
            _, session = self._sessions.popitem()
            await session.close()
            # Closing TLS takes one more turn of the loop in the library's own transports.
            await asyncio.sleep(0)

    def _socket(self, found: aiohttp.AddrInfoType) -> socket.socket:
        """Make the socket for an address that a name was resolved to, or that was given.

        Here and not before: a name may lead elsewhere each time that it is looked up.
        """
        family, kind, protocol, _, place = found
        if not self._reach.allows(str(place[0]), int(place[1])):
            raise OSError(_OUT_OF_REACH)
        return socket.socket(family, kind, protocol)

    async def _look_up(self, url: URL) -> None:
        """Refuse what a proxy would ask for us; it alone sees where it gets to in the end."""
        if self._reach.everywhere:
            return
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            # Only the proxy knows the name; numbers are always known.
            return
        if not all(self._reach.allows(str(place[0]), int(place[1])) for *_, place in found):
            raise OSError(_OUT_OF_REACH)

    def _proxy(self, scheme: str, host: str) -> str | None:
        # The library's own way to do this reads files in a thread for every request.
        if (scheme, host) not in self._proxies:
            self._proxies[scheme, host] = None if proxy_bypass(host) else getproxies().get(scheme)
        return self._proxies[scheme, host]

    def _open(self, *, direct: bool) -> aiohttp.ClientSession:
        # Not in __init__: a session belongs to the loop that runs when it is made.
        if direct not in self._sessions:
            # The proxy is the administrator's, wherever it is.
            guarded = direct and not self._reach.everywhere
            session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections,
                    keepalive_timeout=75,
                    socket_factory=self._socket if guarded else None,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={
                    "Accept": "application/json",
                    "Accept-Encoding": "gzip, deflate",
                    "User-Agent": f"syncline/{__version__}",
                },
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=min(30.0, self._timeout), sock_read=self._timeout
                ),
            )
            # Asking again is for those who count requests.
            session._retry_connection = False  # noqa: SLF001 (there is no public way)
            self._sessions[direct] = session
        return self._sessions[direct]


def _url(request: Request) -> URL:
    try:
        url = URL(address(request), encoded=True)
        # A name with letters that hosts cannot have is noticed only here.
        host = url.host
    except ValueError:
        url, host = URL(), None
    if url.scheme not in {"http", "https"} or not host:
        raise PropertyError(
            "the address is none that can be asked",
            hint="BaseURL must begin with https:// and a host",
        )
    return url


def _lowered(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found


def _out_of_reach(error: Exception) -> bool:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return isinstance(cause, OSError) and _OUT_OF_REACH in str(cause)


def _failure(error: Exception, timeout: float) -> ConfigError | Unavailable:
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return ConfigError(
                f"no trusted connection: {error}",
                hint="the server's certificate must be one that this machine trusts",
            )
        # Names of hosts have an alphabet, and parts of at most 63 characters.
        case aiohttp.InvalidURL() | UnicodeError():
            return PropertyError("not an address that can be asked", hint="check BaseURL")
        case TimeoutError():
            return Unavailable(f"no answer within {timeout:g} seconds")
        case aiohttp.ClientPayloadError():
            return Unavailable("the answer was cut off")
        case aiohttp.ClientConnectorError():
            return Unavailable(
                f"no connection: {error.os_error.strerror or error.os_error}",
                hint="check the network, and the host in BaseURL",
            )
        case _:
            return Unavailable(f"the connection broke: {type(error).__name__}")
