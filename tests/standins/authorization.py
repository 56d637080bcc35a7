"""An authorization server beside the small API: tokens that end, and what is asked of it."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from standins.pages import Api


@dataclass(slots=True, kw_only=True)
class Authority:
    """Gives tokens for a refresh token, a code or a secret; the API asks it what is valid."""

    api: Api
    refresh_token: str = "r0"
    #: The refresh token is good for one use.
    rotates: bool = False
    lifetime: int | None = 3600
    valid: set[str] = field(default_factory=set)
    #: The form of each request for tokens, and its Authorization header.
    forms: list[dict[str, str]] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)
    #: Answers instead, once each.
    faults: list[web.Response] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.api.always = self.answer

    async def answer(self, request: web.Request) -> web.StreamResponse | None:
        if request.path == "/oauth/token":
            return await self._token(request)
        if request.path == "/oauth/revoke":
            form = dict(parse_qsl(await request.text()))
            self.revoked.append(form["token"])
            return web.Response()
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if bearer in self.valid:
            return None
        return web.json_response({"error": "invalid_token"}, status=401)

    async def _token(self, request: web.Request) -> web.Response:
        form = dict(parse_qsl(await request.text(), keep_blank_values=True))
        self.forms.append(form)
        self.headers.append(request.headers.get("Authorization", ""))
        if self.faults:
            return self.faults.pop(0)
        if form["grant_type"] == "refresh_token" and form["refresh_token"] != self.refresh_token:
            return web.json_response(
                {"error": "invalid_grant", "error_description": "used up"}, status=400
            )
        token = f"access-{len(self.forms)}"
        self.valid.add(token)
        given: dict[str, Any] = {"token_type": "bearer", "access_token": token}
        if self.lifetime is not None:
            given["expires_in"] = self.lifetime
        if self.rotates or form["grant_type"] == "authorization_code":
            self.refresh_token = f"r{len(self.forms)}"
            given["refresh_token"] = self.refresh_token
        return web.json_response(given)
