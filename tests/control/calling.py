"""Calls the API in this process, as people of every role."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI
from sqlalchemy import insert

from control.planes import ADMIN
from syncline.api.app import PREFIX, mount
from syncline.control.passwords import digest
from syncline.control.plane import Plane
from syncline.control.store.tokens import tokens
from syncline.control.usecases.users import invite_user

ROLES = ("admin", "editor", "operator", "viewer")


@dataclass(frozen=True, slots=True)
class Caller:
    client: httpx.AsyncClient
    headers: Mapping[str, str]

    async def __call__(
        self, method: str, path: str, json: Any = None, **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.request(
            method, f"{PREFIX}{path}", json=json, headers={**self.headers, **named}
        )


@asynccontextmanager
async def calling(plane: Plane) -> AsyncIterator[dict[str, Caller]]:
    """A caller for each role, by token, and one whom nobody knows."""
    app = FastAPI()
    mount(app, plane)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://syncline") as client:
        callers = {"nobody": Caller(client, {})}
        async with plane.changing(ADMIN) as work:
            for role in ROLES:
                user, _ = await invite_user(work, role, [role])
                row = {"id": role, "user_id": user.id, "name": "t", "shown": "",
                       "digest": digest(f"token of {role}"), "created_at": work.now}  # fmt: skip
                await work.connection.execute(insert(tokens).values(row))
                headers = {"Authorization": f"Bearer token of {role}"}
                callers[role] = Caller(client, headers)
        yield callers


@asynccontextmanager
async def ready(plane: Plane) -> AsyncIterator[httpx.Response]:
    """What an application on this plane says about being ready."""
    app = FastAPI()
    mount(app, plane)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://syncline") as client:
        yield await client.get("/readyz")
