"""A provider of identities, true to OpenID Connect; it can be made to lie in every way."""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "syncline", "the client's secret: with a colon"


def new_key(name: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig", "alg": "RS256"})


@dataclass(slots=True, kw_only=True)
class Identities:
    """What the provider knows, and how it lies."""

    url: str = ""
    #: Who sits at the browser, and agrees to all.
    person: dict[str, Any] = field(default_factory=lambda: {"sub": "1"})
    key: RSAKey = field(default_factory=lambda: new_key("one"))
    #: Keys that are published; None: the one that signs.
    published: list[Mapping[str, Any]] | None = None
    #: Changes claims before they are signed.
    lie: Callable[[dict[str, Any]], None] = lambda _: None
    #: Writes the token in place of a right one.
    forge: Callable[[dict[str, Any]], str] | None = None
    #: Answers instead of a code.
    error: str = ""
    #: Seconds that its clock is ahead.
    ahead: float = 0.0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)

    def signed(self, claims: Mapping[str, Any]) -> str:
        header = {"alg": "RS256", "kid": self.key.kid or ""}
        return jws.serialize_compact(header, json.dumps(claims), self.key)

    def unsigned(self, claims: Mapping[str, Any]) -> str:
        parts = ({"alg": "none"}, claims)
        return ".".join(_plain(json.dumps(part).encode()) for part in parts) + "."

    def signed_with_what_is_public(self, claims: Mapping[str, Any]) -> str:
        """HS256 with the public key as the secret, as libraries once believed."""
        key = OctKey.import_key(self.key.as_pem(private=False))
        return jws.serialize_compact({"alg": "HS256"}, json.dumps(claims), key)

    async def configuration(self, _: web.Request) -> web.Response:
        self._count("configuration")
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                **self.document,
            }
        )

    async def keys(self, _: web.Request) -> web.Response:
        self._count("keys")
        keys = self.published
        return web.json_response(
            {"keys": [self.key.as_dict(private=False)] if keys is None else keys}
        )

    async def authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        self.asked.append(asked)
        assert asked["response_type"] == "code"
        assert asked["client_id"] == CLIENT
        assert "openid" in asked["scope"].split()
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"state": asked["state"]} | ({"error": self.error} if self.error else {"code": code})
        place = f"{asked['redirect_uri']}?{urlencode(back)}"
        return web.Response(status=302, headers={"Location": place})

    async def token(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        known = base64.b64encode(f"{CLIENT}:{_form(SECRET)}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {known}":
            return web.json_response({"error": "invalid_client"}, status=401)
        # A code is good for one use.
        asked = self.codes.pop(form.get("code", ""), None)
        proof = _plain(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or form["redirect_uri"] != asked["redirect_uri"]
            or proof != asked["code_challenge"]
        ):
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time() + self.ahead)
        claims = {
            "iss": self.url, "aud": CLIENT, "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], **self.person,
        }  # fmt: skip
        self.lie(claims)
        token = (self.forge or self.signed)(claims)
        return web.json_response(
            {"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": token}
        )

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1


def _plain(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _form(text: str) -> str:
    return urlencode({"": text})[1:]


@asynccontextmanager
async def identifying() -> AsyncIterator[Identities]:
    """A provider that answers at ``.url`` until the block ends."""
    known = Identities()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", known.configuration)
    app.router.add_get("/keys", known.keys)
    app.router.add_get("/authorize", known.authorize)
    app.router.add_post("/token", known.token)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    known.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield known
    finally:
        await runner.cleanup()
