"""What the client asks again, and the error that each lasting fault becomes."""

import json
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

from standins.clocks import SkippingClock
from standins.pages import Api, Fault, answering, cutting, dropping, failure, saying, serving
from standins.reading import (
    HEAD,
    ITEMS,
    NEXT_LINK,
    batches_of,
    ids_of,
    items,
    rows_of,
    scan_of,
    source_of,
)
from syncline.errors import (
    ConfigError,
    CredentialError,
    NotFound,
    PermissionRefused,
    ProfileError,
    RateLimited,
    ResponseRefused,
    SynclineError,
    TransientError,
    Unavailable,
)
from syncline.extract.credentials import Credentials
from syncline.model.run import Event, Waiting

PROFILE = HEAD + NEXT_LINK + ITEMS
PAGE = json.dumps({"data": items(3), "meta": {"paging": {}}}).encode()


async def read_with(faults: list[Fault | None], *, always: Fault | None = None) -> tuple[Api, Any]:
    """Read ten rows from an API with these faults; return it and what came, or the error."""
    clock = SkippingClock()
    async with serving(Api(lists={"/items": items(10)})) as api:
        api.faults.extend(faults)
        api.always = always
        async with source_of(api, PROFILE, clock=clock) as source:
            try:
                return api, await batches_of(source, await scan_of(source, "Items"))
            except SynclineError as error:
                return api, error


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_passing_refusals_are_asked_again(status: int) -> None:
    api, batches = await read_with([None, answering(status), answering(status), None])
    assert ids_of(batches) == list(range(1, 11))
    assert len(api.asked) == 6
    assert [batch.requests for batch in batches] == [1, 3, 1, 1]


@pytest.mark.parametrize("fault", [dropping, cutting, saying(b'{"data": ['), saying(b"<html>")])
async def test_broken_answers_are_asked_again(fault: Fault) -> None:
    api, batches = await read_with([None, fault, None])
    assert ids_of(batches) == list(range(1, 11))
    assert sum(batch.requests for batch in batches) == len(api.asked) == 5


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (answering(401, "who?"), CredentialError, "401 Unauthorized: who?"),
        (answering(403, "not you"), PermissionRefused, "403 Forbidden: not you"),
        (answering(404, "nothing"), NotFound, "404 Not Found: nothing"),
        (answering(410, "gone"), NotFound, "410 Gone: gone"),
        (answering(400, "no such field"), ProfileError, "400 Bad Request: no such field"),
        (answering(422, "too far"), ProfileError, "422 Unprocessable"),
        (answering(429, "too many"), RateLimited, "429 Too Many Requests: too many"),
        (answering(500, "broken"), Unavailable, "500 Internal Server Error: broken"),
        (answering(501, "never"), Unavailable, "501 Not Implemented: never"),
        (answering(304), ResponseRefused, "304 Not Modified"),
        (dropping, Unavailable, "the connection broke"),
        (cutting, Unavailable, "cut off"),
        (saying(b'{"data": ['), ResponseRefused, "not JSON"),
        (saying(b'{"data": ["\xff"]}'), ResponseRefused, "not JSON"),
        (saying(b'{"rows": []}'), ResponseRefused, "no list of records at 'data'"),
        (saying(b'{"data": {}}'), ResponseRefused, "no list of records at 'data'"),
        (saying(b'{"data": null}'), ResponseRefused, "no list of records at 'data'"),
        (saying(b"[]"), ResponseRefused, "no list of records at 'data'"),
        (saying(b"", status=204), ResponseRefused, "not JSON"),
    ],
)
async def test_lasting_faults(fault: Fault, kind: type[SynclineError], words: str) -> None:
    _, error = await read_with([], always=fault)
    assert type(error) is kind
    assert words in str(error)
    assert "GET http://127.0.0.1:" in str(error)
    assert "/items?limit=3" in str(error)


@pytest.mark.parametrize(
    ("fault", "requests"),
    [
        (answering(500), 8),
        (dropping, 8),
        (saying(b"<html>"), 3),
        (answering(501), 1),
        (answering(400), 1),
        (answering(401), 1),
        (saying(b"{}"), 1),
    ],
)
async def test_how_often_it_is_asked_in_vain(fault: Fault, requests: int) -> None:
    api, error = await read_with([], always=fault)
    assert isinstance(error, SynclineError)
    assert len(api.asked) == requests


async def test_what_came_before_a_fault_is_handed_on_first() -> None:
    async with (
        serving(Api(lists={"/items": items(10)})) as api,
        source_of(api, PROFILE) as source,
    ):
        api.faults.extend([None, None, answering(403)])
        read = source.read(await scan_of(source, "Items"), None)
        seen = [await anext(read), await anext(read)]
        with pytest.raises(PermissionRefused):
            await anext(read)
        assert ids_of(seen) == list(range(1, 7))
        assert not any(batch.complete for batch in seen)
        # From the last cursor on, nothing is lost and nothing comes twice.
        rest = await batches_of(source, await scan_of(source, "Items"), seen[-1].cursor)
        assert ids_of(rest) == list(range(7, 11))


@pytest.mark.parametrize("form", ["seconds", "date"])
@pytest.mark.parametrize("status", [429, 503])
async def test_it_waits_as_long_as_it_is_asked_to(status: int, form: str) -> None:
    clock = SkippingClock()
    events: list[Event] = []
    async with serving(Api(lists={"/items": items(3)})) as api:
        # An HTTP date is by the server's clock, which is the one in its Date header.
        ahead = 5000.0
        after = "40" if form == "seconds" else formatdate(clock.time() + ahead + 40, usegmt=True)
        now = formatdate(clock.time() + ahead, usegmt=True)
        api.faults.append(answering(status, "wait", Retry_After=after, Date=now))
        async with source_of(api, PROFILE, clock=clock, events=events) as source:
            batches = await batches_of(source, await scan_of(source, "Items"))
    assert ids_of(batches) == [1, 2, 3]
    assert 39 <= clock.skipped <= 72
    (wait,) = events
    assert isinstance(wait, Waiting)
    assert wait.seconds == pytest.approx(40, abs=2)
    said = {429: "the API asked us to wait", 503: "asking again after a failure"}
    assert wait.reason == said[status]


async def test_nobody_waits_for_hours() -> None:
    async with (
        serving(Api(lists={"/items": items(10)})) as api,
        source_of(api, PROFILE) as source,
    ):
        api.faults.append(answering(429, "tomorrow", Retry_After="86400"))
        scan = await scan_of(source, "Items")
        for words in ("tomorrow", "wait for 8640"):
            with pytest.raises(RateLimited, match=words) as caught:
                await batches_of(source, scan)
            assert caught.value.retry_after == pytest.approx(86400, abs=5)
        assert len(api.asked) == 1


async def test_it_gives_up_when_its_patience_ends() -> None:
    clock = SkippingClock()
    async with serving(
        Api(lists={"/items": items(3)}, always=answering(503, Retry_After="70"))
    ) as api:
        async with source_of(api, PROFILE, clock=clock) as source:
            with pytest.raises(Unavailable) as caught:
                await batches_of(source, await scan_of(source, "Items"))
        assert caught.value.retry_after == 70
        assert len(api.asked) == 5
    assert clock.skipped <= 300


async def test_no_answer_in_time_is_a_fault_like_others() -> None:
    async with (
        serving(Api(lists={"/items": items(3)}, delay=5)) as api,
        source_of(api, PROFILE + "\nretry: {attempts: 2}\n", timeout=0.05) as source,
    ):
        with pytest.raises(Unavailable, match=r"no answer within 0\.05 seconds"):
            await batches_of(source, await scan_of(source, "Items"))
        assert len(api.asked) == 2


async def test_nobody_there() -> None:
    api = Api(lists={}, url="http://127.0.0.1:9")
    async with source_of(api, PROFILE) as source:
        with pytest.raises(Unavailable, match="no connection") as caught:
            await batches_of(source, await scan_of(source, "Items"))
        assert "BaseURL" in caught.value.hint


@pytest.mark.parametrize("url", ["ftp://x", "nothing", "http://", "http://[x/"])
async def test_an_address_that_is_none(url: str) -> None:
    async with source_of(Api(lists={}, url=url), PROFILE) as source:
        with pytest.raises(ConfigError) as caught:
            await batches_of(source, await scan_of(source, "Items"))
        assert "BaseURL" in caught.value.hint


async def test_redirects_are_followed_on_the_same_host_only() -> None:
    async def moved(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(f"/elsewhere?{request.query_string}")

    async def away(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("http://localhost:1/items")

    async def round_again(request: web.Request) -> web.StreamResponse:
        raise web.HTTPFound(str(request.rel_url))

    async with serving(Api(lists={"/elsewhere": items(3)})) as api:
        key = Credentials(scheme="APIKey")
        settings = {"Key": "s3cret"}
        api.faults.append(moved)
        async with source_of(api, PROFILE, credentials=key, settings=settings) as source:
            batches = await batches_of(source, await scan_of(source, "Items"))
            assert ids_of(batches) == [1, 2, 3]
            assert batches[0].requests == 2
            assert api.asked[-1].all("api_key") == ["s3cret"]
            api.faults.append(away)
            with pytest.raises(ResponseRefused, match="to another host: localhost:1"):
                await batches_of(source, await scan_of(source, "Items"))
            api.always = round_again
            with pytest.raises(ResponseRefused, match="redirected again and again"):
                await batches_of(source, await scan_of(source, "Items"))


async def test_walks_that_go_in_circles_are_ended() -> None:
    async def back(request: web.Request) -> web.StreamResponse:
        following = f"/items?token={'b' if request.query.get('token') == 'a' else 'a'}"
        number = len(api.asked)
        page = {"data": [{"id": number}], "meta": {"paging": {"next": following}}}
        return web.json_response(page)

    async with serving(Api(lists={}, always=back)) as api, source_of(api, PROFILE) as source:
        with pytest.raises(ResponseRefused, match=r"go in circles: GET .*/items\?token="):
            await batches_of(source, await scan_of(source, "Items"))


async def test_an_api_that_ignores_the_place_is_noticed() -> None:
    async def always_the_first(_: web.Request) -> web.StreamResponse:
        return web.json_response({"data": items(3), "more": True})

    text = f"""{HEAD}
defaults:
  records: data
  pagination: {{type: page_number, more: more}}
{ITEMS}"""
    async with (
        serving(Api(lists={}, always=always_the_first)) as api,
        source_of(api, text) as source,
    ):
        scan = await scan_of(source, "Items", "name")
        with pytest.raises(ResponseRefused, match="the same records as the page before"):
            await batches_of(source, scan)
        # The page after the second one may be on its way before that is decoded.
        assert len(api.asked) in {2, 3}


async def test_rows_that_shift_under_an_offset_walk_are_not_taken_for_a_circle() -> None:
    rows = items(9)

    async def shrinking(_: web.Request) -> web.StreamResponse | None:
        if len(api.asked) == 2:
            del rows[0:3]
        return None

    text = f"""{HEAD}
defaults:
  records: data
  pagination: {{type: offset, total: total}}
  page: {{parameter: limit, size: 3}}
{ITEMS}"""
    async with (
        serving(Api(lists={"/items": rows}, style="offset", always=shrinking)) as api,
        source_of(api, text) as source,
    ):
        batches = await batches_of(source, await scan_of(source, "Items"))
        assert set(ids_of(batches)) >= set(range(4, 10))
        assert {row["name"] for row in rows_of(batches)} == {f"item {n}" for n in range(1, 10)}


async def test_a_next_page_on_another_host_is_refused() -> None:
    page = {"data": items(1), "meta": {"paging": {"next": "https://evil.example/items?token=1"}}}
    _, error = await read_with([saying(json.dumps(page).encode())])
    assert isinstance(error, ResponseRefused)
    assert "evil.example" in str(error)


async def test_secrets_are_in_no_error(caplog: pytest.LogCaptureFixture) -> None:
    secret = "pä ss/w&rd"  # needs quoting in an address

    async def echo(request: web.Request) -> web.StreamResponse:
        said = f"{request.rel_url} {dict(request.headers)} {request.query}" + "x" * 280 + secret
        return failure(statuses.pop(0), "Echo", said)

    for scheme, settings, password in (
        ("APIKey", {"Key": secret}, ""),
        ("Token", {"Key": secret.replace("ä", "a")}, ""),
        ("Basic", {}, secret),
    ):
        statuses = [400, 401, 403, 404, 409, 301, *[429] * 8, *[500] * 8]
        credentials = Credentials(scheme=scheme, user="ann", password=password)
        async with (
            serving(Api(lists={}, always=echo)) as api,
            source_of(api, PROFILE, credentials=credentials, settings=settings) as source,
        ):
            scan = await scan_of(source, "Items")
            seen = []
            while statuses:
                with pytest.raises((ConfigError, TransientError, ResponseRefused)) as caught:
                    await batches_of(source, scan)
                chain: BaseException | None = caught.value
                while chain is not None:
                    seen.append(str(chain) + repr(chain) + str(getattr(chain, "hint", "")))
                    chain = chain.__cause__ or chain.__context__
        said = "\n".join(seen) + caplog.text + repr(credentials)
        assert "pä ss" not in said
        assert "pa ss" not in said
        assert "w%26rd" not in said
        assert "YW5uOn" not in said  # "ann:" in base64
        assert "***" in said


async def test_an_answer_is_taken_compressed() -> None:
    async def packed(request: web.Request) -> web.StreamResponse:
        response = web.Response(body=PAGE, content_type="application/json")
        assert "gzip" in request.headers["Accept-Encoding"]
        response.enable_compression(web.ContentCoding.gzip)
        return response

    _, batches = await read_with([packed])
    assert ids_of(batches) == [1, 2, 3]


async def test_a_byte_order_mark_is_no_fault() -> None:
    _, batches = await read_with([saying(b"\xef\xbb\xbf" + PAGE)])
    assert ids_of(batches) == [1, 2, 3]


async def test_no_cookies_are_kept() -> None:
    async def biscuit(_: web.Request) -> web.StreamResponse:
        response = web.json_response(
            {"data": items(1), "meta": {"paging": {"next": "/items?token=3"}}}
        )
        response.set_cookie("session", "1")
        return response

    api, batches = await read_with([biscuit])
    assert len(batches) > 1
    assert not any("Cookie" in asked.headers for asked in api.asked)


async def test_pages_of_few_columns_may_be_alike() -> None:
    rows = [{"id": n, "name": "x"} for n in range(9)]
    for key in ("primary_key: [id]", ""):
        text = f"""{HEAD}
defaults:
  records: data
  pagination: {{type: page_number, more: more}}
  page: {{parameter: limit, size: 3}}
tables:
  Items:
    path: /items
    {key}
    columns: {{id: integer, name: string}}
"""
        async with (
            serving(Api(lists={"/items": rows}, style="page_number")) as api,
            source_of(api, text) as source,
        ):
            batches = await batches_of(source, await scan_of(source, "Items", "name"))
            assert len(rows_of(batches)) == 9
