"""Clio's OAuth addresses: the consent page, tokens and their end."""

import base64
import binascii
import html
from collections.abc import Mapping
from urllib.parse import urlencode

import msgspec
from aiohttp import web

from syncline.sandbox.tokens import GrantRefusedError, TokenPair
from syncline.sandbox.world import WORLD, World

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1.5rem;margin-right:.5rem}}</style></head>
<body><h1>{title}</h1>{body}</body></html>
"""
_ASKED = (
    "client_id",
    "redirect_uri",
    "state",
    "redirect_on_decline",
    "code_challenge",
    "code_challenge_method",
)


def _page(title: str, body: str, *, status: int = 200) -> web.Response:
    text = _PAGE.format(title=html.escape(title), body=body)
    return web.Response(text=text, status=status, content_type="text/html")


def _redirect(uri: str, parameters: Mapping[str, str]) -> web.Response:
    joint = "&" if "?" in uri else "?"
    return web.Response(status=302, headers={"Location": f"{uri}{joint}{urlencode(parameters)}"})


def _refusal(world: World, asked: Mapping[str, str]) -> str | None:
    if not world.tokens.known_client(asked.get("client_id", "")):
        return "This client_id is not registered."
    if not world.tokens.allowed_redirect(asked.get("redirect_uri", "")):
        return "This redirect_uri is not allowed."
    if asked.get("code_challenge") and asked.get("code_challenge_method", "plain") != "S256":
        return "Only the S256 code_challenge_method is understood."
    return None


async def authorize(request: web.Request) -> web.Response:
    """``GET``: the consent page. ``POST``: its buttons."""
    world = request.app[WORLD]
    if request.method == "POST":
        form = await request.post()
        asked = {name: str(value) for name, value in form.items()}
        decision = asked.get("decision", "")
    else:
        asked = dict(request.query)
        decision = "allow" if world.options.auto_consent else ""
        if asked.get("response_type") != "code":
            return _page("Cannot continue", "<p>response_type must be code.</p>", status=400)
    refusal = _refusal(world, asked)
    if refusal is not None:
        return _page("Cannot continue", f"<p>{html.escape(refusal)}</p>", status=400)
    state = {"state": asked["state"]} if asked.get("state") else {}
    if decision == "allow":
        challenge = asked.get("code_challenge") or None
        code = world.tokens.consent(asked["client_id"], asked["redirect_uri"], challenge)
        return _redirect(asked["redirect_uri"], {"code": code, **state})
    if decision == "decline":
        if asked.get("redirect_on_decline") == "true":
            return _redirect(asked["redirect_uri"], {"error": "access_denied", **state})
        return _page("Declined", "<p>Access was not given. You can close this page.</p>")
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{html.escape(asked[name])}">'
        for name in _ASKED
        if name in asked
    )
    return _page(
        "Authorize access",
        f"<p><b>{html.escape(asked['client_id'])}</b> asks to read this sandbox account.</p>"
        f'<form method="post" action="/oauth/authorize">{hidden}'
        '<button name="decision" value="allow">Allow</button>'
        '<button name="decision" value="decline">Decline</button></form>',
    )


async def approval(request: web.Request) -> web.Response:
    """Where programs without a web server of their own let the code be shown."""
    code, error = request.query.get("code"), request.query.get("error", "")
    if code is None:
        return _page("Declined", f"<p>{html.escape(error)}</p>")
    return _page(f"Success code={code}", f"<p>Copy this code: <code>{html.escape(code)}</code></p>")


def _json(body: object, *, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        headers={"Cache-Control": "no-store"},
        content_type="application/json",
        charset="utf-8",
    )


def _answer(pair: TokenPair) -> web.Response:
    body: dict[str, object] = {
        "token_type": "bearer",
        "access_token": pair.access_token,
        "expires_in": pair.expires_in,
    }
    if pair.refresh_token is not None:
        body["refresh_token"] = pair.refresh_token
    return _json(body)


def _basic(request: web.Request) -> dict[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return {}
    return {"client_id": client_id, "client_secret": secret}


async def token(request: web.Request) -> web.Response:
    """Codes and refresh tokens for access tokens; parameters in the form or in the query."""
    world = request.app[WORLD]
    form = {name: str(value) for name, value in (await request.post()).items()}
    asked = {**dict(request.query), **_basic(request), **form}
    client_id = asked.get("client_id", "")
    try:
        world.tokens.check_client(client_id, asked.get("client_secret", ""))
        match asked.get("grant_type"):
            case "authorization_code":
                return _answer(
                    world.tokens.exchange(
                        client_id,
                        asked.get("code", ""),
                        asked.get("redirect_uri", ""),
                        asked.get("code_verifier"),
                    )
                )
            case "refresh_token":
                return _answer(world.tokens.refresh(client_id, asked.get("refresh_token", "")))
            case "client_credentials":
                return _answer(world.tokens.issue(client_id))
            case _:
                return _json({"error": "unsupported_grant_type"}, status=400)
    except GrantRefusedError as refused:
        status = 401 if refused.code == "invalid_client" else 400
        return _json({"error": refused.code, "error_description": str(refused)}, status=status)


async def deauthorize(request: web.Request) -> web.Response:
    world = request.app[WORLD]
    form = await request.post()
    bearer = request.headers.get("Authorization", "").partition(" ")[2]
    if not world.tokens.valid(bearer):
        return _json(
            {"error": "invalid_token", "error_description": "The access token is not valid."},
            status=401,
        )
    world.tokens.revoke(str(form.get("token") or bearer))
    return web.Response(status=200)
