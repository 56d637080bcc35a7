"""A TCP proxy that cuts a connection at a chosen word of the client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Proxy:
    """Passes bytes on both ways; cuts everything before or after a word reaches the server."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._open: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        #: Cut when the client sends this; empty: never.
        self.word = b""
        #: Let the server have it, and do its work, before the connection is cut.
        self.deliver = False
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._target)
        self._open += [writer, back]
        answers = asyncio.ensure_future(_copy(there, writer))
        self._tasks.add(answers)
        while data := await _read(reader):
            if self.word and self.word in data:
                self.word = b""
                self.cuts += 1
                answers.cancel()
                await asyncio.wait([answers])
                if self.deliver:
                    back.write(data)
                    # The answer is what the client never sees.
                    await there.read(1)
                break
            back.write(data)
        for side in (back, writer):
            side.close()

    async def close(self) -> None:
        for writer in self._open:
            writer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def cutting(port: int) -> AsyncIterator[tuple[Proxy, int]]:
    """Yield a proxy before a port of this machine, and the port where it listens."""
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    try:
        yield proxy, server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await proxy.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await _read(reader):
        writer.write(data)
    writer.close()


async def _read(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read(65536)
    except ConnectionError:
        return b""
