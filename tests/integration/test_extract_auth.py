"""Every way to prove who is asking, and tokens that end under way."""

import asyncio
import base64
import stat
import sys
from pathlib import Path

import pytest
from aiohttp import web

from standins.authorization import Authority
from standins.clocks import SkippingClock
from standins.pages import Api, serving
from standins.reading import (
    HEAD,
    ITEMS,
    NEXT_LINK,
    batches_of,
    ids_of,
    items,
    scan_of,
    source_of,
)
from syncline.errors import CredentialError, PropertyError, Unavailable
from syncline.extract.credentials import Credentials
from syncline.extract.oauth import authorization, code_in, exchange, registration, revoke
from syncline.extract.tokens import FileTokens, MemoryTokens, Tokens
from syncline.extract.transport import Transport
from syncline.profile.loader import parse_profile

PROFILE = HEAD + NEXT_LINK + ITEMS


def oauth(tokens: MemoryTokens | FileTokens | None, scheme: str = "OAuth") -> Credentials:
    return Credentials(scheme=scheme, client_id="app", client_secret="app secret", tokens=tokens)


@pytest.mark.parametrize(
    ("credentials", "settings", "header", "parameter"),
    [
        (Credentials(), {}, None, None),
        (
            Credentials(scheme="basic", user="ann", password="pw:1"),
            {},
            "Basic " + base64.b64encode(b"ann:pw:1").decode(),
            None,
        ),
        (Credentials(scheme="Basic", user="key"), {}, "Basic a2V5Og==", None),
        (Credentials(scheme="Token"), {"Key": "k1"}, "Token k1", None),
        (Credentials(scheme="APIKey"), {"Key": "k 2"}, None, "k 2"),
    ],
)
async def test_fixed_schemes(
    credentials: Credentials, settings: dict[str, str], header: str | None, parameter: str | None
) -> None:
    async with (
        serving(Api(lists={"/items": items(7)})) as api,
        source_of(api, PROFILE, credentials=credentials, settings=settings) as source,
    ):
        assert len(ids_of(await batches_of(source, await scan_of(source, "Items")))) == 7
        assert [asked.headers.get("Authorization") for asked in api.asked] == [header] * 3
        assert [asked.get("api_key") for asked in api.asked] == [parameter] * 3


@pytest.mark.parametrize(
    ("credentials", "words"),
    [
        (Credentials(scheme="Basic"), "User is missing"),
        (Credentials(scheme="Token"), "Key is missing"),
        (Credentials(scheme="OAuth"), "OAuthClientId"),
        (Credentials(scheme="Kerberos"), "no auth scheme 'Kerberos'"),
    ],
)
async def test_what_is_missing_is_said_at_once(credentials: Credentials, words: str) -> None:
    with pytest.raises(PropertyError, match=words):
        async with source_of(Api(lists={}), PROFILE, credentials=credentials):
            pass


@pytest.mark.parametrize("rotates", [False, True])
@pytest.mark.parametrize("known", ["ended", "revoked", "unsaid"])
async def test_twenty_requests_at_once_renew_the_token_once(known: str, *, rotates: bool) -> None:
    clock = SkippingClock()
    ends = {"ended": clock.time() - 1, "revoked": clock.time() + 999, "unsaid": None}[known]
    store = MemoryTokens(Tokens(access_token="old", refresh_token="r0", expires_at=ends))
    async with serving(Api(lists={"/items": items(3)}, delay=0.02)) as api:
        authority = Authority(api=api, rotates=rotates)
        text = PROFILE + "\nlimits: {concurrency: 20}\n"
        async with source_of(api, text, clock=clock, credentials=oauth(store)) as source:
            scan = await scan_of(source, "Items")
            reads = [batches_of(source, scan) for _ in range(20)]
            assert all(ids_of(batches) == [1, 2, 3] for batches in await asyncio.gather(*reads))
        (form,) = authority.forms
        assert form == {
            "grant_type": "refresh_token",
            "refresh_token": "r0",
            "client_id": "app",
            "client_secret": "app secret",
        }
        saved = await store.load()
        assert saved is not None
        assert saved.access_token == "access-1"
        assert saved.refresh_token == ("r1" if rotates else "r0")


async def test_a_token_is_renewed_before_it_ends() -> None:
    clock = SkippingClock()
    store = MemoryTokens(Tokens(access_token="old", refresh_token="r0"))
    async with serving(Api(lists={"/items": items(3)})) as api:
        authority = Authority(api=api)
        authority.valid.add("old")
        async with source_of(api, PROFILE, clock=clock, credentials=oauth(store)) as source:
            scan = await scan_of(source, "Items")
            await batches_of(source, scan)
            assert authority.forms == []
            authority.valid.clear()
            await batches_of(source, scan)
            clock.skipped += 3500
            await batches_of(source, scan)
            assert len(authority.forms) == 1
            clock.skipped += 50
            await batches_of(source, scan)
            assert len(authority.forms) == 2
            # Nothing was refused, but for the one that was revoked.
            assert sum(a.path == "/items" for a in api.asked) == 5


async def test_a_token_refused_after_it_was_renewed_is_the_users_business() -> None:
    store = MemoryTokens(Tokens(access_token="old", refresh_token="r0"))
    async with serving(Api(lists={"/items": items(3)})) as api:
        authority = Authority(api=api)

        async def never(request: web.Request) -> web.StreamResponse | None:
            if request.path == "/items":
                return web.json_response({"error": "invalid_token"}, status=401)
            return await authority.answer(request)

        api.always = never
        async with source_of(api, PROFILE, credentials=oauth(store)) as source:
            with pytest.raises(CredentialError, match="401 Unauthorized") as caught:
                await batches_of(source, await scan_of(source, "Items"))
        assert "connect again" in caught.value.hint
        assert len(authority.forms) == 1


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (None, "there is no OAuth token yet"),
        (Tokens(access_token="old"), "there is no refresh token"),
        (Tokens(access_token="old", refresh_token="stolen"), "invalid_grant|used up"),
    ],
)
async def test_without_a_way_to_renew_the_user_must_connect(
    tokens: Tokens | None, words: str
) -> None:
    async with serving(Api(lists={"/items": items(3)})) as api:
        Authority(api=api)
        store = MemoryTokens(tokens)
        async with source_of(api, PROFILE, credentials=oauth(store)) as source:
            with pytest.raises(CredentialError, match=words) as caught:
                await batches_of(source, await scan_of(source, "Items"))
        assert "connect" in caught.value.hint
        for secret in ("stolen", "app secret", "old"):
            assert secret not in str(caught.value)


async def test_a_token_server_that_fails_is_asked_again() -> None:
    clock = SkippingClock()
    store = MemoryTokens(Tokens(access_token="old", refresh_token="r0"))
    async with serving(Api(lists={"/items": items(3)})) as api:
        authority = Authority(api=api)
        authority.faults = [web.Response(status=503), web.Response(status=502)]
        async with source_of(api, PROFILE, clock=clock, credentials=oauth(store)) as source:
            assert ids_of(await batches_of(source, await scan_of(source, "Items"))) == [1, 2, 3]
        assert len(authority.forms) == 3
        authority.faults = [web.Response(status=500) for _ in range(20)]
        authority.valid.clear()
        async with source_of(api, PROFILE, clock=clock, credentials=oauth(store)) as source:
            with pytest.raises(Unavailable, match="/oauth/token answered 500"):
                await batches_of(source, await scan_of(source, "Items"))


async def test_an_app_asks_for_itself() -> None:
    async with serving(Api(lists={"/items": items(3)})) as api:
        authority = Authority(api=api)
        async with source_of(api, PROFILE, credentials=oauth(None, "OAuthClient")) as source:
            scan = await scan_of(source, "Items")
            assert ids_of(await batches_of(source, scan)) == [1, 2, 3]
            authority.valid.clear()
            assert ids_of(await batches_of(source, scan)) == [1, 2, 3]
        assert [form["grant_type"] for form in authority.forms] == ["client_credentials"] * 2


async def test_consent_from_the_browser_to_the_first_row(tmp_path: Path) -> None:
    clock = SkippingClock()
    text = PROFILE.replace("revoke_url:", "pkce: true\n    client_auth: basic\n    revoke_url:")
    store = FileTokens(tmp_path / "deep" / "tokens.json", clock)
    async with serving(Api(lists={"/items": items(3)})) as api:
        authority = Authority(api=api)
        profile = parse_profile(text, "test.yaml")
        scheme = next(a for a in profile.auth if a.scheme == "OAuth")
        known = registration(scheme, {"BaseURL": api.url}, oauth(store))
        attempt = authorization(known, redirect_uri="http://127.0.0.1:1/back")
        code = code_in(f"http://127.0.0.1:1/back?code=c0de&state={attempt.state}", attempt.state)
        transport = Transport()
        try:
            tokens = await exchange(
                known,
                transport.send,
                clock,
                code=code,
                redirect_uri="http://127.0.0.1:1/back",
                verifier=attempt.verifier,
            )
            await store.save(tokens)
            async with source_of(api, text, clock=clock, credentials=oauth(store)) as source:
                batches = await batches_of(source, await scan_of(source, "Items"))
            assert ids_of(batches) == [1, 2, 3]
            await revoke(known, transport.send, tokens)
        finally:
            await transport.aclose()
        (form,) = authority.forms
        assert form == {
            "grant_type": "authorization_code",
            "code": "c0de",
            "redirect_uri": "http://127.0.0.1:1/back",
            "code_verifier": attempt.verifier,
        }
        assert authority.headers == ["Basic YXBwOmFwcCtzZWNyZXQ="]
        assert authority.revoked == ["access-1"]
        mode = stat.S_IMODE((tmp_path / "deep" / "tokens.json").stat().st_mode)
        assert mode == 0o600


PROGRAM = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[3].split(":")
from standins.clocks import SkippingClock
from standins.pages import Api
from standins.reading import batches_of, ids_of, scan_of, source_of
from syncline.extract.credentials import Credentials
from syncline.extract.tokens import FileTokens

async def main():
    clock = SkippingClock()
    store = FileTokens(Path(sys.argv[2]), clock)
    credentials = Credentials(scheme="OAuth", client_id="app", client_secret="x", tokens=store)
    api = Api(lists={}, url=sys.argv[1])
    text = Path(sys.argv[4]).read_text()
    async with source_of(api, text, clock=clock, credentials=credentials) as source:
        print(ids_of(await batches_of(source, await scan_of(source, "Items"))))

asyncio.run(main())
"""


async def test_of_several_processes_one_renews(tmp_path: Path) -> None:
    tokens, profile = tmp_path / "tokens.json", tmp_path / "profile.yaml"
    profile.write_text(PROFILE)
    here = Path(__file__).parents[1]
    path = f"{here}:{here.parent / 'src'}"
    store = FileTokens(tokens, SkippingClock())
    await store.save(Tokens(access_token="old", refresh_token="r0"))
    async with serving(Api(lists={"/items": items(3)}, delay=0.05)) as api:
        authority = Authority(api=api, rotates=True)
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", PROGRAM, api.url, str(tokens), path, str(profile),
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )
            for _ in range(3)
        ]  # fmt: skip
        for process in processes:
            out, err = await process.communicate()
            assert out.decode().strip() == "[1, 2, 3]", err.decode()
        assert len(authority.forms) == 1
    saved = await store.load()
    assert saved is not None
    assert saved.refresh_token == "r1"


async def test_a_token_that_another_machine_has_renewed_is_taken_over() -> None:
    class Elsewhere(MemoryTokens):
        """Somebody else saves new tokens while ours are refused."""

        loads = 0

        async def load(self) -> Tokens | None:
            self.loads += 1
            if self.loads > 1:
                return Tokens(access_token="theirs", refresh_token="r9")
            return await super().load()

    store = Elsewhere(Tokens(access_token="old", refresh_token="used", expires_at=0.0))
    async with serving(Api(lists={"/items": items(3)})) as api:
        authority = Authority(api=api)
        authority.valid.add("theirs")
        async with source_of(api, PROFILE, credentials=oauth(store)) as source:
            assert ids_of(await batches_of(source, await scan_of(source, "Items"))) == [1, 2, 3]
