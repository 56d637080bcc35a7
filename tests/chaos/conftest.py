"""The fixtures of the engine's tests, and a server that many nodes may connect to."""

from collections.abc import Iterator

import pytest

from engine.conftest import address, store, templates, warm
from standins import postgres

__all__ = ["address", "store", "templates", "warm"]


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[postgres.Server]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(postgres._SETTINGS, "max_connections", "200")
        server = postgres.Server()
        try:
            server.make()
            server.start()
            yield server
        finally:
            server.remove()
