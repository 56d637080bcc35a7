"""Whatever the OpenAPI document allows, and what it does not, gets an answer of the right form."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
import uvicorn
from fastapi import FastAPI
from hypothesis import HealthCheck, settings
from sqlalchemy import insert

from control.planes import ADMIN, CLIO, LAKE
from syncline.api.app import PREFIX, api_of, mount
from syncline.api.problems import handle_errors
from syncline.control.passwords import digest
from syncline.control.plane import open_plane
from syncline.control.project import JobSpec, TaskSpec
from syncline.control.store.tokens import tokens
from syncline.control.usecases.connections import create_connection
from syncline.control.usecases.jobs import create_job
from syncline.control.usecases.users import invite_user

TOKEN = "a token for trying everything"


class Served:
    """The API with a connection and a job, on a port of its own, in a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}{PREFIX}"
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(60)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    async def _serve(self) -> None:
        async with open_plane(f"sqlite:///{self._folder / 'store.db'}") as plane:
            async with plane.changing(ADMIN) as work:
                user, _ = await invite_user(work, "admin", ["admin"])
                row = {"id": "t", "user_id": user.id, "name": "t", "shown": "",
                       "digest": digest(TOKEN), "created_at": work.now}  # fmt: skip
                await work.connection.execute(insert(tokens).values(row))
                await create_connection(work, "clio", CLIO)
                await create_connection(work, "lake", LAKE)
                job = JobSpec(source="clio", destination="lake", tasks=(TaskSpec(table="Matters"),))
                await create_job(work, "nightly", job)
            app = FastAPI()
            # An address with a line break in it is none of the API's; here, nobody else's either.
            handle_errors(app)
            mount(app, plane)
            config = uvicorn.Config(app, log_level="warning", lifespan="off")
            self._server = uvicorn.Server(config)
            self._ready.set()
            await self._server.serve(sockets=[self._socket])


def document() -> dict[str, Any]:
    """The OpenAPI document; it does not depend on what is in the store."""
    return api_of(None).openapi()  # type: ignore[arg-type]  # no request is answered


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(tmp_path_factory.mktemp("fuzz"))
    server.start()
    yield server
    server.stop()


# Following the log of a run goes on for as long as the run does; a project file is YAML, which is
# read here with another reader than ours.
schema = schemathesis.openapi.from_dict(document()).exclude(path_regex="/events/stream$|/project$")
#: What is not refused here although the schema allows it not: a name that nothing has is a 404,
#: and many a body that is of the right form contradicts itself.
LEFT_OUT = [
    schemathesis.checks.positive_data_acceptance,
    schemathesis.checks.ignored_auth,
]


@schema.parametrize()
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_request_gets_an_answer_of_the_right_form(
    case: schemathesis.Case[Any], served: Served
) -> None:
    case.call_and_validate(
        base_url=served.url,
        headers={"Authorization": f"Bearer {TOKEN}"},
        excluded_checks=LEFT_OUT,
    )
