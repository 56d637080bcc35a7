"""What may not be asked is not: the address is judged where the connection is made."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from syncline.control.addresses import check_address
from syncline.errors import AddressRefused, Invalid, PropertyError, Unavailable
from syncline.extract.transport import Transport
from syncline.model.reach import EVERYWHERE, PUBLIC, Reach
from syncline.profile.pagination import Request


class Server:
    """A server that nobody from outside should reach; counts who does."""

    def __init__(self) -> None:
        self.asked = 0
        self.port = 0

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(text="secrets")


@pytest.fixture
async def inside() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


@asynccontextmanager
async def transport_of(reach: Reach) -> AsyncIterator[Transport]:
    transport = Transport(reach=reach)
    try:
        yield transport
    finally:
        await transport.aclose()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "127.1", "2130706433", "0x7f.1"]
)
async def test_every_way_to_write_this_machine(inside: Server, host: str) -> None:
    async with transport_of(PUBLIC) as transport:
        # The library knows some of these for no address at all.
        with pytest.raises((AddressRefused, PropertyError)) as refused:
            await transport.send(Request(url=f"http://{host}:{inside.port}/admin"))
    assert "127.0.0.1" not in str(refused.value)
    assert inside.asked == 0
    async with transport_of(EVERYWHERE) as transport:
        answer = await transport.send(Request(url=f"http://127.0.0.1:{inside.port}/"))
        assert answer.body == b"secrets"


async def test_a_name_that_leads_elsewhere_the_second_time(
    inside: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is public when it is looked at, and private when it is connected to."""
    real, looked_up = socket.getaddrinfo, [0]

    def rebinding(host: object, port: object, *rest: object, **more: object) -> object:
        if host != "rebind.example":
            return real(host, port, *rest, **more)  # type: ignore[arg-type]  # passed on as it came
        looked_up[0] += 1
        address = "93.184.216.34" if looked_up[0] == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    url = f"http://rebind.example:{inside.port}/"
    await check_address(url, PUBLIC)
    async with transport_of(PUBLIC) as transport:
        with pytest.raises(AddressRefused):
            await transport.send(Request(url=url))
    assert looked_up[0] == 2
    assert inside.asked == 0


async def test_one_private_address_among_public_ones_is_left_out(
    inside: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [("169.254.169.254", 80), ("127.0.0.1", inside.port)]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    async with transport_of(Reach(own={("127.0.0.1", inside.port)})) as transport:
        answer = await transport.send(Request(url=f"http://two.example:{inside.port}/"))
    assert answer.status == 200


async def test_behind_a_proxy_names_are_looked_up_first(
    inside: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{inside.port}")
    monkeypatch.setenv("no_proxy", "")
    async with transport_of(PUBLIC) as transport:
        for url in ("http://10.0.0.1/", "http://169.254.169.254/latest", "http://localhost:1/"):
            with pytest.raises(AddressRefused):
                await transport.send(Request(url=url))
        assert inside.asked == 0
        # The proxy itself is the administrator's.
        answer = await transport.send(Request(url="http://93.184.216.34/"))
        assert answer.body == b"secrets"


async def test_addresses_for_libraries_that_connect_themselves() -> None:
    for url in ("http://127.0.0.1:1", "mailtos://user:pass@localhost", "https://[fe80::1]/"):
        with pytest.raises(AddressRefused, match="not on the public internet"):
            await check_address(url, PUBLIC)
        await check_address(url, EVERYWHERE)
    for url in ("https:///path", "json://[", "no address"):
        with pytest.raises(Invalid):
            await check_address(url, PUBLIC)
    with pytest.raises(Unavailable):
        await check_address("https://nobody.invalid/", PUBLIC)


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "xn--.example", "exa mple.com", "..", "%"])
async def test_names_that_are_none(host: str) -> None:
    for reach in (PUBLIC, EVERYWHERE):
        async with transport_of(reach) as transport:
            with pytest.raises((PropertyError, Unavailable, AddressRefused)):
                await transport.send(Request(url=f"http://{host}/"))
