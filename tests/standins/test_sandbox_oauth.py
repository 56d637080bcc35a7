"""The stand-in Clio's OAuth: consent, decline, tokens, their life and their end."""

import base64
import hashlib
import re
from urllib.parse import parse_qs, urlsplit

import pytest

from standins.sandbox_asking import Asker, Reply, asking
from syncline.sandbox.options import DEFAULT_CLIENT, DEFAULT_SECRET, Options

REDIRECT = "http://127.0.0.1:9/callback"
ASKED = {
    "response_type": "code",
    "client_id": DEFAULT_CLIENT,
    "redirect_uri": REDIRECT,
    "state": "s & 1",
}


async def _post(asker: Asker, path: str, form: dict[str, str], token: str = "") -> Reply:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with asker.session.post(
        asker.sandbox.url + path, data=form, headers=headers, allow_redirects=False
    ) as answer:
        return Reply(answer.status, answer.headers.copy(), await answer.read())


def _hidden(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: value.replace("&amp;", "&") for name, value in found}


async def _press(asker: Asker, button: str, **more: str) -> Reply:
    page = await asker.get("/oauth/authorize", {**ASKED, **more})
    assert page.status == 200
    text = page.content.decode()
    assert ">Allow</button>" in text
    assert ">Decline</button>" in text
    return await _post(asker, "/oauth/authorize", {**_hidden(text), "decision": button})


def _answered(reply: Reply) -> dict[str, list[str]]:
    assert reply.status == 302
    location = urlsplit(reply.headers["Location"])
    assert location._replace(query="").geturl() == REDIRECT
    return parse_qs(location.query)


async def _exchange(asker: Asker, code: str, **more: str) -> Reply:
    form = {
        "grant_type": "authorization_code",
        "client_id": DEFAULT_CLIENT,
        "client_secret": DEFAULT_SECRET,
        "code": code,
        "redirect_uri": REDIRECT,
        **more,
    }
    return await _post(asker, "/oauth/token", form)


async def _refresh(asker: Asker, token: str, **more: str) -> Reply:
    form = {
        "grant_type": "refresh_token",
        "client_id": DEFAULT_CLIENT,
        "client_secret": DEFAULT_SECRET,
        "refresh_token": token,
        **more,
    }
    return await _post(asker, "/oauth/token", form)


async def _works(asker: Asker, token: str) -> bool:
    reply = await asker.get("/api/v4/users.json", headers={"Authorization": f"Bearer {token}"})
    assert reply.status in (200, 401)
    return reply.status == 200


async def test_allow_gives_a_code_that_gives_tokens_once() -> None:
    async with asking() as asker:
        answered = _answered(await _press(asker, "allow"))
        assert answered["state"] == ["s & 1"]
        pair = (await _exchange(asker, answered["code"][0])).json()
        assert pair["token_type"] == "bearer"
        assert pair["expires_in"] == 2_592_000
        assert set(pair) == {"token_type", "access_token", "expires_in", "refresh_token"}
        assert await _works(asker, str(pair["access_token"]))
        again = await _exchange(asker, answered["code"][0])
        assert again.status == 400
        assert again.json()["error"] == "invalid_grant"


async def test_decline_redirects_only_where_asked() -> None:
    async with asking() as asker:
        shown = await _press(asker, "decline")
        assert shown.status == 200
        assert b"Declined" in shown.content
        answered = _answered(await _press(asker, "decline", redirect_on_decline="true"))
        assert answered == {"error": ["access_denied"], "state": ["s & 1"]}


async def test_auto_consent_needs_no_page() -> None:
    options = Options(rows=10, rate_limit=0, auto_consent=True)
    async with (
        asking(options) as asker,
        asker.session.get(
            f"{asker.sandbox.url}/oauth/authorize", params=ASKED, allow_redirects=False
        ) as answer,
    ):
        reply = Reply(answer.status, answer.headers.copy(), await answer.read())
        assert "code" in _answered(reply)


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "nobody"},
        {"redirect_uri": "javascript:alert(1)"},
        {"response_type": "token"},
        {"code_challenge": "abc", "code_challenge_method": "plain"},
    ],
)
async def test_bad_requests_get_a_page_and_no_redirect(changed: dict[str, str]) -> None:
    async with asking() as asker:
        reply = await asker.get("/oauth/authorize", {**ASKED, **changed})
        assert reply.status == 400
        assert "Location" not in reply.headers


async def test_a_code_lives_ten_minutes() -> None:
    async with asking(Options(rows=10, rate_limit=0, frozen=True)) as asker:
        for seconds, status in ((600, 200), (601, 400)):
            code = _answered(await _press(asker, "allow"))["code"][0]
            asker.sandbox.advance(seconds)
            assert (await _exchange(asker, code)).status == status


async def test_a_code_is_bound_to_its_redirect_and_its_challenge() -> None:
    async with asking() as asker:
        code = _answered(await _press(asker, "allow"))["code"][0]
        assert (await _exchange(asker, code, redirect_uri=f"{REDIRECT}/other")).status == 400
        verifier = "v" * 43
        digest = hashlib.sha256(verifier.encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        more = {"code_challenge": challenge, "code_challenge_method": "S256"}
        for sent, status in ((verifier, 200), ("w" * 43, 400)):
            code = _answered(await _press(asker, "allow", **more))["code"][0]
            assert (await _exchange(asker, code, code_verifier=sent)).status == status


async def test_wrong_clients_and_grants_are_refused() -> None:
    async with asking() as asker:
        wrong = await _refresh(asker, "any", client_secret="wrong")
        assert (wrong.status, wrong.json()["error"]) == (401, "invalid_client")
        unknown = await _refresh(asker, "any")
        assert (unknown.status, unknown.json()["error"]) == (400, "invalid_grant")
        other = await _refresh(asker, "any", grant_type="password")
        assert (other.status, other.json()["error"]) == (400, "unsupported_grant_type")


async def test_an_expired_token_is_refreshed_without_a_new_refresh_token() -> None:
    async with asking(Options(rows=10, rate_limit=0, expires_in=3600, frozen=True)) as asker:
        pair = asker.sandbox.issue_token()
        assert pair.expires_in == 3600
        assert await _works(asker, pair.access_token)
        asker.sandbox.advance(3600)
        refused = await asker.get(
            "/api/v4/users", headers={"Authorization": f"Bearer {pair.access_token}"}
        )
        assert refused.status == 401
        assert refused.json()["error"] == "invalid_token"
        assert "expired, revoked, malformed" in str(refused.json()["error_description"])
        for _ in range(2):
            refreshed = (await _refresh(asker, str(pair.refresh_token))).json()
            assert set(refreshed) == {"token_type", "access_token", "expires_in"}
            assert await _works(asker, str(refreshed["access_token"]))


async def test_rotation_ends_the_old_refresh_token() -> None:
    async with asking(Options(rows=10, rate_limit=0, refresh_rotates=True)) as asker:
        first = str(asker.sandbox.issue_token().refresh_token)
        second = str((await _refresh(asker, first)).json()["refresh_token"])
        assert second != first
        assert (await _refresh(asker, first)).status == 400
        assert (await _refresh(asker, second)).status == 200


async def test_deauthorize_ends_the_token_and_its_refresh_token() -> None:
    async with asking() as asker:
        pair = asker.sandbox.issue_token()
        form = {"token": pair.access_token}
        assert (await _post(asker, "/oauth/deauthorize", form)).status == 401
        done = await _post(asker, "/oauth/deauthorize", form, token=pair.access_token)
        assert (done.status, done.content) == (200, b"")
        assert not await _works(asker, pair.access_token)
        assert (await _refresh(asker, str(pair.refresh_token))).status == 400


async def test_parameters_may_come_in_the_query() -> None:
    async with asking() as asker:
        pair = asker.sandbox.issue_token()
        query = (
            f"?grant_type=refresh_token&client_id={DEFAULT_CLIENT}"
            f"&client_secret={DEFAULT_SECRET}&refresh_token={pair.refresh_token}"
        )
        assert (await _post(asker, f"/oauth/token{query}", {})).status == 200


async def test_the_approval_page_shows_the_code() -> None:
    async with asking() as asker:
        reply = await asker.get("/oauth/approval", {"code": "a<b"})
        assert b"a&lt;b" in reply.content
