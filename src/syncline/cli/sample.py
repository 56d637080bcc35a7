"""Sample data for the pages: the sandbox, started when somebody asks for it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from syncline.control.project import ConnectionSpec
from syncline.control.store.database import default_store, store_url
from syncline.errors import Unavailable
from syncline.model.reach import Reach
from syncline.sandbox.options import DEFAULT_CLIENT, DEFAULT_SECRET, Options
from syncline.sandbox.server import running
from syncline.web.sample import Sample

#: Where the sandbox of the command line answers, too.
_PORT = 8765
_ROWS = 2000


@asynccontextmanager
async def sampled(address: str, reach: Reach) -> AsyncIterator[Sample]:
    """Offer sample data beside a store for as long as the block lasts; nothing runs before.

    Its address is within ``reach`` from then on: it is ours, though private.
    """
    async with AsyncExitStack() as stack:
        urls: list[str] = []

        async def sample() -> Mapping[str, ConnectionSpec]:
            if not urls:
                urls.append(await _started(stack))
                place = urlsplit(urls[0])
                own = (place.hostname or "", place.port or 0)
                reach.own.add(own)
                stack.callback(reach.own.discard, own)
            return {"sample-clio": _source(urls[0]), "sample-warehouse": _destination(address)}

        yield sample


async def _started(stack: AsyncExitStack) -> str:
    options = Options(rows=_ROWS, rate_limit=0)
    for port in (_PORT, 0):
        try:
            return (await stack.enter_async_context(running(options, port=port))).url
        except OSError:
            continue
    raise Unavailable("no port is free for the sample data", hint="stop other programs")


def _source(url: str) -> ConnectionSpec:
    return ConnectionSpec(
        type="api",
        properties={
            "Profile": "clio",
            "ProfileSettings": {"BaseURL": url},
            "OAuthClientId": DEFAULT_CLIENT,
            "OAuthClientSecret": DEFAULT_SECRET,
        },
        description="Made-up data, gone when Syncline ends.",
        labels=("sample",),
    )


def _destination(address: str) -> ConnectionSpec:
    """Keep sample data in a file beside the store, or in the user's data folder."""
    url = store_url(address)
    if url.get_backend_name() != "sqlite":
        url = store_url(f"sqlite:///{Path(default_store().removeprefix('sqlite:///'))}")
    folder = Path(url.database or "").expanduser().parent
    return ConnectionSpec(
        type="duckdb",
        properties={"Database": str(folder / "sample.duckdb")},
        description="One file, to try with.",
        labels=("sample",),
    )
