"""Secrets that nothing may say, the places that listen for them, and an API that tells them all."""

import base64
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiohttp import web


@dataclass(slots=True)
class Canaries:
    """The secrets of one test, and where they were heard."""

    #: Value -> what it is.
    known: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    #: How many texts were listened to.
    places: int = 0

    def new(self, what: str) -> str:
        """Return a new secret, long enough for a key."""
        return self.note(what, f"canary{len(self.known):03}{re.sub(r'[^a-z0-9]', '', what.lower())}"
                               f"neverseen{'x' * 24}")  # fmt: skip

    def note(self, what: str, secret: str) -> str:
        """Listen for a secret that somebody else has made, too."""
        self.known[secret] = what
        return secret

    def listen(self, place: str, text: str) -> None:
        """Note which secrets a text has in it: as they are, or as headers have them."""
        self.places += 1
        for secret, what in self.known.items():
            found = next((form for form in _forms(secret) if form in text), None)
            if found is not None:
                at = text.index(found)
                around = text[max(at - 120, 0) : at + 160]
                self.heard.append(f"{what} in {place}: …{around}…")

    def answered(self, answer: httpx.Response, place: str = "") -> httpx.Response:
        """Listen to an answer, its headers and cookies included."""
        said = json.dumps(list(answer.headers.multi_items()))
        asked = f"{answer.request.method} {answer.request.url.path} {answer.status_code}"
        self.listen(place or asked, f"{said}\n{answer.text}")
        return answer

    def kept(self, folder: Path) -> None:
        """Listen to the files of a store, but not to its key."""
        for path in folder.iterdir():
            if path.is_file() and path.suffix != ".key":
                self.listen(f"the file {path.name}", path.read_bytes().decode("latin-1"))


def _forms(secret: str) -> tuple[str, ...]:
    plain = secret.encode()
    # Whatever stands before it in what is encoded, one of three beginnings fits.
    encoded = (base64.b64encode(b"." * skip + plain).decode() for skip in range(3))
    inner = tuple(text[4 * bool(skip) : -4].rstrip("=") for skip, text in enumerate(encoded))
    return (secret, *inner, plain.hex())


@asynccontextmanager
async def telltale() -> AsyncIterator[str]:
    """Yield the address of an API that refuses everything, and repeats all it was sent.

    The first part of the path is the status that it answers with; ``/html/…`` answers a page,
    ``/cut/…`` JSON that ends too early, ``/away/…`` nothing.
    """

    async def refused(request: web.Request) -> web.StreamResponse:
        body = await request.text()
        said = {
            "error": {"message": f"{request.headers.get('Authorization')} {request.query_string}"},
            "error_description": f"{body} is not known",
            "headers": dict(request.headers),
            "asked": str(request.url),
        }
        kind = request.path.split("/")[1]
        headers = {"X-Told": request.headers.get("Authorization", "")[:200], "Retry-After": "0"}
        match kind:
            case "html":
                text = f"<html><pre>{said}</pre></html>"
                return web.Response(text=text, content_type="text/html", headers=headers)
            case "cut":
                return web.Response(text=json.dumps(said)[:-9], content_type="application/json")
            case "away":
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            case _:
                return web.json_response(said, status=int(kind), headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", refused)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


#: Kinds of answers of `telltale` that a connection is made for each.
KINDS = ("401", "403", "404", "400", "500", "html", "cut", "away")

#: An API with every way to prove who we are that is not OAuth.
PROFILE = """
name: Telltale
title: Telltale
settings:
  BaseURL: {description: Where it answers.}
  Key: {description: Its key., secret: true}
auth:
  - {scheme: Basic}
  - {scheme: Token, value: "Bearer {Key}"}
  - {scheme: APIKey, parameter: k, value: "{Key}"}
base_url: "{BaseURL}"
errors: [error.message, headers.Authorization]
retry: {attempts: 1}
defaults:
  records: data
  pagination: {type: none}
tables:
  Things:
    path: /things
    primary_key: [id]
    columns: {id: integer, name: string}
"""


def connections(secrets: Canaries, address: str, profile: Path) -> Mapping[str, Mapping[str, Any]]:
    """Return connections of every type with every secret property, by name."""
    new = secrets.new
    made: dict[str, Mapping[str, Any]] = {}
    for kind in KINDS:
        base = f"{address}/{kind}"
        for scheme in ("Basic", "Token", "APIKey") if kind in ("401", "html") else ("Basic",):
            made[f"{scheme.lower()}-{kind}"] = {
                "type": "api",
                "properties": {
                    "Profile": str(profile),
                    "AuthScheme": scheme,
                    "User": "ann",
                    "Password": new(f"password {kind}"),
                    "ProfileSettings": {"BaseURL": base, "Key": new(f"setting {kind}")},
                },
            }
        made[f"oauth-{kind}"] = {
            "type": "api",
            "properties": {
                "Profile": str(profile.with_name("clio.yaml")),
                "ProfileSettings": {"BaseURL": base},
                "OAuthClientId": "client",
                "OAuthClientSecret": new(f"client secret {kind}"),
                "OAuthAccessToken": new(f"access token {kind}"),
                "OAuthRefreshToken": new(f"refresh token {kind}"),
            },
        }
    nowhere = {"Server": "127.0.0.1", "Database": "nothing", "User": "ann"}
    password = new("password in a URL")
    made["postgres"] = {
        "type": "postgres",
        "properties": {**nowhere, "Port": 9, "Password": new("postgres password")},
    }
    made["postgres-url"] = {
        "type": "postgres",
        "properties": {"URL": f"postgresql://ann:{password}@127.0.0.1:9/nothing?bad=%zz"},
    }
    made["sqlserver"] = {
        "type": "sqlserver",
        "properties": {**nowhere, "Port": 9, "Password": new("SQL Server password"),
                       "KeystoreSecret": new("keyword of a driver")},
    }  # fmt: skip
    for number, more in enumerate(
        (
            {"AuthScheme": "Token", "Token": new("Databricks token")},
            {"AuthScheme": "OAuthM2M", "OAuthClientId": "c", "OAuthClientSecret": new("M2M")},
        )
    ):
        made[f"databricks-{number}"] = {
            "type": "databricks",
            "properties": {"Server": "127.0.0.1:9", "HTTPPath": "/sql/1.0/w/1", **more},
        }
    return made
