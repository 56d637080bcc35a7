"""Signing in, setting up, signing out: plain pages, so that nobody else gets to the others."""

import html
from urllib.parse import quote, unquote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from syncline.control.addresses import public_url
from syncline.control.openid import Provider
from syncline.control.plane import Plane
from syncline.control.usecases.authorizing import finish_sign_in
from syncline.control.usecases.signing_in import (
    Session,
    accept_link,
    actor_of_session,
    sign_in,
    sign_out,
)
from syncline.control.usecases.single_sign_on import begin_sign_on, finish_sign_on
from syncline.errors import Forbidden, SynclineError, TransientError, Unauthenticated
from syncline.web.frame import MARK
from syncline.web.guard import theme
from syncline.web.visitor import COOKIE

#: So long does a browser keep the cookie; the store decides when a session is over.
_KEPT = 14 * 24 * 3600
#: Holds an attempt to sign in elsewhere, sealed, until the browser is back.
_ATTEMPT = "syncline_attempt"
_BACK = "/sign-in/callback"
_PAGE = """<!doctype html>
<html lang="en" data-theme="{theme}"><head><meta charset="utf-8"><title>{title} · Syncline</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/assets/favicon.svg"><link rel="stylesheet" href="{style}"></head>
<body class="{body}"><main class="door"><div class="card door-card">
<div class="brand">{mark}<span>Syncline</span></div>
<h1>{title}</h1><p class="muted">{text}</p>
{inner}
</div></main>
<script>document.cookie = 'zone=' + encodeURIComponent(
Intl.DateTimeFormat().resolvedOptions().timeZone) +
';path=/;max-age=31536000;samesite=lax';</script>
</body></html>
"""


def door(plane: Plane, style: str, elsewhere: str = "") -> APIRouter:
    """Return the routes; ``style``: address of the stylesheet.

    ``elsewhere``: what people call the provider at which they may sign in instead.
    """
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    async def asked(request: Request) -> Response:
        if await _known(plane, request):
            return RedirectResponse(_onward(request), 303)
        return _sign_in_page(style, elsewhere=elsewhere, onward=_onward(request))

    @router.post("/sign-in")
    async def tried(request: Request) -> Response:
        form = await request.form()
        name = str(form.get("user", ""))
        try:
            session = await sign_in(plane, name, str(form.get("password", "")), **_seen(request))
        except SynclineError as error:
            return _sign_in_page(
                style, problem=error, name=name, elsewhere=elsewhere, onward=_onward(request)
            )
        return _entered(request, session, _onward(request))

    @router.get("/welcome/{secret}")
    async def invited(secret: str) -> Response:  # noqa: ARG001 (only its form is asked for)
        return _welcome_page(style)

    @router.post("/welcome/{secret}")
    async def accepted(request: Request, secret: str) -> Response:
        form = await request.form()
        first, again = str(form.get("password", "")), str(form.get("again", ""))
        if first != again:
            return _welcome_page(style, problem=("The two passwords differ", "type it again"))
        try:
            session = await accept_link(plane, secret, first, **_seen(request))
        except SynclineError as error:
            return _welcome_page(style, problem=(str(error), error.hint))
        return _entered(request, session, "/")

    @router.post("/sign-out")
    async def left(request: Request) -> Response:
        await sign_out(plane, request.cookies.get(COOKIE, ""))
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, path="/")
        return answer

    return router


def signing_on(plane: Plane, style: str, provider: Provider) -> APIRouter:
    """Return the way to a provider of identities, and back."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in/elsewhere")
    async def begun(request: Request) -> Response:
        here = public_url(str(request.base_url)) + _BACK
        try:
            attempt = await begin_sign_on(plane, provider, here, _onward(request))
        except SynclineError as error:
            return error_page(style, "Not signed in", error, back="/sign-in")
        answer = RedirectResponse(attempt.url, 303)
        # Lax: the provider's page leads back here, and the browser must bring it along.
        answer.set_cookie(
            _ATTEMPT, quote(attempt.sealed, safe=""), max_age=600, path=_BACK, httponly=True,
            samesite="lax", secure=here.startswith("https:"),
        )  # fmt: skip
        return answer

    @router.get(_BACK)
    async def came_back(request: Request) -> Response:
        sealed = unquote(request.cookies.get(_ATTEMPT, ""))
        try:
            session, onward = await finish_sign_on(
                plane, provider, sealed, request.url.query, **_seen(request)
            )
        except SynclineError as error:
            answer: Response = error_page(style, "Not signed in", error, back="/sign-in")
        else:
            answer = _entered(request, session, onward)
        # An attempt is good for one answer.
        answer.delete_cookie(_ATTEMPT, path=_BACK)
        return answer

    return router


def coming_back(plane: Plane, style: str) -> APIRouter:
    """Return where browsers come back to from an API's sign-in: a CallbackURL of this server."""
    router = APIRouter(include_in_schema=False)

    @router.get("/oauth/callback")
    async def came_back(request: Request) -> Response:
        try:
            actor = await actor_of_session(plane, request.cookies.get(COOKIE, ""))
            found = await finish_sign_in(plane, actor, str(request.url))
        except SynclineError as error:
            return error_page(style, "Not connected", error, back="/connections")
        return RedirectResponse(f"/connections/{quote(found.name)}", 303)

    return router


def error_page(style: str, title: str, error: SynclineError, *, back: str) -> HTMLResponse:
    """Return a page that says what went wrong, and leads back."""
    inner = _shown(str(error), error.hint)
    inner += f'<a class="elsewhere" href="{html.escape(back)}">Back</a>'
    status = 403 if isinstance(error, Forbidden) else 401
    if isinstance(error, TransientError):
        status = 503
    return _whole(style, title, "The sign-in has not come to an end.", inner, status)


async def _known(plane: Plane, request: Request) -> bool:
    try:
        await actor_of_session(plane, request.cookies.get(COOKIE, ""))
    except Unauthenticated:
        return False
    return True


def _seen(request: Request) -> dict[str, str]:
    address = request.client.host if request.client else ""
    return {"address": address, "agent": request.headers.get("user-agent", "")}


def _onward(request: Request) -> str:
    """Return where the visitor wanted to go: a place of ours, never another site's."""
    wanted = request.query_params.get("next", "/")
    if not wanted.startswith("/") or wanted.startswith(("//", "/\\")):
        return "/"
    return quote(wanted, safe="/?&=%:@+,;~$!*'()-._")


def _entered(request: Request, session: Session, onward: str) -> Response:
    answer = RedirectResponse(onward, 303)
    answer.set_cookie(
        COOKIE, session.secret, max_age=_KEPT, path="/", httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return answer


def _sign_in_page(
    style: str,
    *,
    problem: SynclineError | None = None,
    name: str = "",
    elsewhere: str = "",
    onward: str = "/",
) -> HTMLResponse:
    focus = ("", " autofocus") if name else (" autofocus", "")
    fields = (
        f'<label>User<input name="user" autocomplete="username" required value="'
        f'{html.escape(name)}"{focus[0]}></label>'
        '<label>Password<input name="password" type="password" autocomplete="current-password" '
        f"required{focus[1]}></label>"
    )
    told = (str(problem), problem.hint) if problem else None
    more = ""
    if elsewhere:
        place = html.escape(f"/sign-in/elsewhere?next={quote(onward)}")
        more = f'<a class="elsewhere" href="{place}">Sign in with {html.escape(elsewhere)}</a>'
    return _page(
        style, "Sign in", text="Welcome back.", fields=fields, word="Sign In", problem=told,
        more=more,
    )  # fmt: skip


def _welcome_page(style: str, *, problem: tuple[str, str] | None = None) -> HTMLResponse:
    fields = (
        '<label>Password<input name="password" type="password" autocomplete="new-password" '
        "required autofocus></label>"
        '<label>The same again<input name="again" type="password" autocomplete="new-password" '
        "required></label>"
    )
    text = "Choose a password. The link that brought you here works once."
    word = "Set Password and Sign In"
    return _page(style, "Welcome", text=text, fields=fields, word=word, problem=problem)


def _page(
    style: str,
    title: str,
    *,
    text: str,
    fields: str,
    word: str,
    problem: tuple[str, str] | None,
    more: str = "",
) -> HTMLResponse:
    shown = _shown(*problem) if problem else ""
    inner = f'<form method="post">{fields}<button type="submit">{word}</button></form>{more}'
    return _whole(style, title, text, shown + inner, 401 if problem else 200)


def _shown(message: str, hint: str) -> str:
    message, hint = (html.escape(part[:1].upper() + part[1:]) for part in (message, hint))
    return (
        '<div class="note is-bad" role="alert" style="margin-top:16px"><div>'
        f'<div class="note-title">{message}</div><div>{hint}</div></div></div>'
    )


def _whole(style: str, title: str, text: str, inner: str, status: int) -> HTMLResponse:
    chosen = theme.get()
    body = {"light": "body--light", "dark": "body--dark"}.get(chosen, "")
    content = _PAGE.format(
        theme=chosen, title=title, style=style, body=body, mark=MARK, text=text, inner=inner
    )
    return HTMLResponse(content, status, headers={"Cache-Control": "no-store"})
