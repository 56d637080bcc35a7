"""Where addresses that people enter may lead, and where this server itself is reached."""

import asyncio
import os
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from syncline.errors import AddressRefused, Invalid, PropertyError, Unavailable
from syncline.model.reach import Reach, networks_of

#: ``true``, or a list of networks: where an administrator lets addresses lead that people enter.
VARIABLE = "SYNCLINE_ALLOW_PRIVATE_ADDRESSES"
#: How browsers and APIs reach this server: https://syncline.example.com.
PUBLIC_URL = "SYNCLINE_PUBLIC_URL"
_PORTS = {"http": 80, "https": 443, "smtp": 25, "smtps": 465, "mailto": 25, "mailtos": 465}


def reach_of(environment: Mapping[str, str] = os.environ) -> Reach:
    """Return what an administrator allows beside the public internet; nothing unless set.

    Raises `PropertyError` for something that is neither true, false nor networks.
    """
    given = environment.get(VARIABLE, "").strip()
    if given.lower() in {"", "0", "false", "no"}:
        return Reach()
    if given.lower() in {"1", "true", "yes"}:
        return Reach(private=True)
    try:
        return Reach(networks=networks_of(given))
    except ValueError as error:
        raise PropertyError(
            f"{VARIABLE} cannot be read: {error}",
            hint="write true, or networks with commas between: 10.0.0.0/8,192.168.1.20",
        ) from None


def public_url(otherwise: str = "", environment: Mapping[str, str] = os.environ) -> str:
    """Return how browsers and APIs reach this server: as an administrator says, or ``otherwise``.

    Without a slash at its end.
    """
    return (environment.get(PUBLIC_URL, "").strip() or otherwise).rstrip("/")


async def check_address(url: str, reach: Reach, *, default_port: int = 0) -> None:
    """Look a URL's host up, and refuse it if any of its addresses is out of reach.

    For libraries that connect by themselves; what we send ourselves is checked at the socket.
    Raises `AddressRefused`, `Invalid` for a URL without host, `Unavailable` for an unknown name.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme, default_port)
    except ValueError:
        host, port = None, 0
    if not host:
        raise Invalid("this address has no host", hint="write https://host/path")
    if reach.everywhere:
        return
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unavailable(f"no address is known for {host}", hint="check its name") from None
    for *_, place in found:
        if not reach.allows(str(place[0]), port):
            raise AddressRefused(
                f"{host} is not on the public internet",
                hint=f"an administrator can allow private addresses with {VARIABLE}",
            )
