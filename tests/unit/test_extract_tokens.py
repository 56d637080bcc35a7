"""Tokens at rest, secrets in texts, and the parts of OAuth that need no network."""

import asyncio
import base64
import json
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from standins.clocks import SkippingClock
from syncline.errors import (
    ConfigError,
    CredentialError,
    PropertyError,
    RateLimited,
    SynclineError,
    Unavailable,
)
from syncline.extract.answer import Answer
from syncline.extract.auth import Proof
from syncline.extract.credentials import Credentials, cut
from syncline.extract.oauth import (
    Authorization,
    Registration,
    authorization,
    client_credentials,
    code_in,
    exchange,
    refresh,
    registration,
    revoke,
)
from syncline.extract.tokens import FileTokens, MemoryTokens, Tokens, token_store
from syncline.profile.auth import OAuth, OAuthClient
from syncline.profile.pagination import Request

TOKENS = Tokens(
    access_token="acc", refresh_token="ref", expires_at=5000.0, lifetime=3600.0, scope="a b"
)
KNOWN = Registration(
    token_url="https://id.example/token",
    authorize_url="https://id.example/authorize?brand=x",
    revoke_url="https://id.example/revoke",
    client_id="app",
    client_secret="se:cret",
)


class Said:
    """Answers every request the same, and keeps them."""

    def __init__(self, content: object, status: int = 200) -> None:
        self.answer = Answer(status=status, headers={}, body=json.dumps(content).encode())
        self.requests: list[Request] = []
        self.forms: list[dict[str, list[str]]] = []

    async def __call__(self, request: Request, body: bytes | None = None) -> Answer:
        self.requests.append(request)
        self.forms.append(parse_qs((body or b"").decode(), keep_blank_values=True))
        return self.answer


@pytest.mark.parametrize(
    ("tokens", "ends"),
    [
        (TOKENS, 4940.0),
        (Tokens(access_token="x", expires_at=5000.0, lifetime=100.0), 4990.0),
        (Tokens(access_token="x", expires_at=5000.0), 4940.0),
    ],
)
def test_when_a_token_should_be_renewed(tokens: Tokens, ends: float) -> None:
    assert not tokens.expired(ends - 0.1)
    assert tokens.expired(ends)
    assert not Tokens(access_token="x").expired(1e12)


async def test_a_file_keeps_tokens_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "a" / "tokens.json"
    store = token_store(str(path), SkippingClock())
    assert await store.load() is None
    await store.save(TOKENS)
    assert await store.load() == TOKENS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    await store.save(Tokens(access_token="new"))
    assert await token_store(str(path), SkippingClock()).load() == Tokens(access_token="new")
    assert [p.name for p in path.parent.iterdir()] == ["tokens.json"]


@pytest.mark.parametrize("text", ["", "x", "[]", "{}", '{"access_token": 5}', "\ud800"])
async def test_a_file_that_holds_something_else(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(text, "utf-8", errors="surrogatepass")
    with pytest.raises(ConfigError, match=r"tokens\.json"):
        await FileTokens(path, SkippingClock()).load()


async def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = FileTokens(tmp_path / "file" / "tokens.json", SkippingClock())
    with pytest.raises(ConfigError, match="cannot write"):
        await store.save(TOKENS)
    with pytest.raises(ConfigError, match="cannot lock"):
        async with store.exclusive():
            pass
    with pytest.raises(PropertyError, match="OAuthSettingsLocation"):
        token_store("https://x", SkippingClock())


@pytest.mark.parametrize("kind", ["memory", "file", "two files"])
async def test_only_one_at_a_time_renews(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "tokens.json"
    stores = (
        [token_store("memory://x", SkippingClock())] * 5
        if kind == "memory"
        else [FileTokens(path, SkippingClock()) for _ in range(5)]
        if kind == "two files"
        else [FileTokens(path, SkippingClock())] * 5
    )
    inside = 0

    async def one(number: int) -> None:
        nonlocal inside
        async with stores[number].exclusive():
            inside += 1
            await asyncio.sleep(0.002)
            assert inside == 1
            inside -= 1

    await asyncio.gather(*(one(n) for n in range(5)))


async def test_memory_forgets_nothing_meanwhile() -> None:
    store = MemoryTokens()
    assert await store.load() is None
    await store.save(TOKENS)
    assert await store.load() == TOKENS


def test_no_repr_shows_a_secret() -> None:
    shown = repr(
        [
            TOKENS,
            KNOWN,
            Credentials(user="ann", password="se:cret", token="acc", client_secret="se:cret",
                        tokens=MemoryTokens(TOKENS)),
            Proof(header=("Authorization", "Bearer acc"), parameter=("key", "acc")),
            Authorization(url="https://x", state="s", verifier="acc"),
        ]
    )  # fmt: skip
    assert "ann" in shown
    for secret in ("acc", "ref", "se:cret"):
        assert f"'{secret}'" not in shown
        assert f" {secret}" not in shown


def test_secrets_are_cut_in_every_form() -> None:
    basic = base64.b64encode(b"ann:p&w d").decode()
    secrets = Credentials(user="ann", password="p&w d").secrets
    text = f"p&w d, p%26w%20d, p%26w+d, Basic {basic}, nothing else"
    assert cut(text, secrets) == "***, ***, ***, Basic ***, nothing else"
    assert cut("abcdef abc", ("abc", "abcdef", "")) == "*** ***"


def test_the_address_for_consent() -> None:
    attempt = authorization(KNOWN, redirect_uri="http://127.0.0.1:3/cb?x=1")
    query = parse_qs(urlsplit(attempt.url).query)
    assert attempt.url.startswith("https://id.example/authorize?")
    assert query == {
        "brand": ["x"],
        "response_type": ["code"],
        "client_id": ["app"],
        "redirect_uri": ["http://127.0.0.1:3/cb?x=1"],
        "state": [attempt.state],
    }
    assert len(attempt.state) >= 32
    assert attempt.verifier == ""
    assert authorization(KNOWN, redirect_uri="x").state != attempt.state


def test_proof_key_for_code_exchange() -> None:
    # The example of RFC 7636, appendix B.
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    known = Registration(
        token_url="x", client_id="app", pkce=True, authorize_url="https://x", scope="read write"
    )
    attempt = authorization(known, redirect_uri="http://x", verifier=verifier)
    query = parse_qs(urlsplit(attempt.url).query)
    assert query["code_challenge"] == ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["scope"] == ["read write"]
    assert attempt.verifier == verifier
    assert len(authorization(known, redirect_uri="http://x").verifier) >= 43


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("code=c&state=other", "another attempt"),
        ("code=c", "another attempt"),
        ("error=access_denied&state=s", "access_denied"),
        ("error=x&error_description=not+today&state=s", "not today"),
        ("state=s", "without a code"),
    ],
)
def test_ways_back_without_a_code(query: str, words: str) -> None:
    assert code_in("http://x/cb?code=c%2F1&state=s", "s") == "c/1"
    with pytest.raises(CredentialError, match=words):
        code_in(f"http://x/cb?{query}", "s")


async def test_asking_for_tokens() -> None:
    clock = SkippingClock()
    said = Said({"access_token": "a2", "expires_in": "60", "token_type": "bearer"})
    tokens = await refresh(KNOWN, said, clock, TOKENS)
    assert (tokens.access_token, tokens.refresh_token, tokens.scope) == ("a2", "ref", "a b")
    assert tokens.lifetime == 60
    assert tokens.expires_at == pytest.approx(clock.time() + 60, abs=1)
    assert said.requests[0].method == "POST"
    assert said.forms[0] == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["ref"],
        "client_id": ["app"],
        "client_secret": ["se:cret"],
    }
    basic = Registration(token_url="https://t", client_id="a:b", client_secret="c d",
                         client_auth="basic", scope="x y")  # fmt: skip
    await client_credentials(basic, said, clock)
    expected = base64.b64encode(b"a%3Ab:c+d").decode()
    assert said.forms[1] == {"grant_type": ["client_credentials"], "scope": ["x y"]}
    assert dict(said.requests[1].headers)["Authorization"] == f"Basic {expected}"
    public = Registration(token_url="https://t", client_id="app", client_auth="basic")
    await exchange(public, said, clock, code="c", redirect_uri="http://x", verifier="v")
    assert said.forms[2] == {
        "grant_type": ["authorization_code"],
        "code": ["c"],
        "redirect_uri": ["http://x"],
        "code_verifier": ["v"],
        "client_id": ["app"],
    }


@pytest.mark.parametrize("life", [None, 0, -5, "soon", [1]])
async def test_a_life_that_is_none(life: object) -> None:
    said = Said({"access_token": "a", "expires_in": life})
    tokens = await refresh(KNOWN, said, SkippingClock(), TOKENS)
    assert tokens.expires_at is None


@pytest.mark.parametrize(
    ("status", "content", "kind", "words"),
    [
        (400, {"error": "invalid_grant"}, CredentialError, "connect again"),
        (401, {"error": "invalid_client"}, CredentialError, "OAuthClientId"),
        (401, {}, CredentialError, "connect again"),
        (404, {}, ConfigError, "token address"),
        (200, {}, CredentialError, "token address"),
        (200, [], CredentialError, "token address"),
        (429, {}, RateLimited, ""),
        (503, {}, Unavailable, ""),
    ],
)
async def test_refusals_of_tokens(
    status: int, content: object, kind: type[SynclineError], words: str
) -> None:
    said = Said(content, status)
    with pytest.raises(kind) as caught:
        await refresh(KNOWN, said, SkippingClock(), TOKENS)
    assert words in caught.value.hint
    assert "https://id.example/token" in str(caught.value)


async def test_giving_tokens_back() -> None:
    said = Said({})
    await revoke(KNOWN, said, TOKENS)
    assert said.forms[0]["token"] == ["acc"]
    assert said.forms[0]["client_id"] == ["app"]
    assert dict(said.requests[0].headers)["Authorization"] == "Bearer acc"
    await revoke(Registration(token_url="https://t", client_id="app"), said, TOKENS)
    assert len(said.requests) == 1
    for status, kind in ((500, Unavailable), (400, CredentialError)):
        with pytest.raises(kind) as caught:
            await revoke(KNOWN, Said({"said": "acc ref se:cret"}, status), TOKENS)
        assert not any(s in str(caught.value) for s in ("acc ", "ref ", "se:cret"))


def test_what_a_profile_and_a_connection_say_together() -> None:
    settings = {"BaseURL": "https://b", "Tenant": "t1"}
    scheme = OAuth(
        scheme="OAuth", authorize_url="{BaseURL}/a", token_url="{BaseURL}/t",
        revoke_url="{BaseURL}/r", scope="x", pkce=True, parameters={"tenant": "{Tenant}"},
    )  # fmt: skip
    credentials = Credentials(client_id="app", client_secret="s")
    known = registration(scheme, settings, credentials)
    assert (known.authorize_url, known.token_url) == ("https://b/a", "https://b/t")
    assert (known.revoke_url, known.pkce, known.scope) == ("https://b/r", True, "x")
    assert known.parameters == {"tenant": "t1"}
    app = OAuthClient(scheme="OAuthClient", token_url="{BaseURL}/t", client_auth="basic")
    assert registration(app, settings, credentials).client_auth == "basic"
    missing: Sequence[OAuth | OAuthClient] = (scheme, app)
    for each in missing:
        with pytest.raises(PropertyError, match="OAuthClientId"):
            registration(each, settings, Credentials())


def test_without_an_address_to_agree_at_tokens_must_be_given() -> None:
    with pytest.raises(CredentialError, match="does not know where people agree"):
        authorization(replace(KNOWN, authorize_url=""), redirect_uri="x")
