"""Every way to walk from page to page, over HTTP, to the last row and into every cursor."""

import pytest

from standins.pages import Api, answering, serving
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
from syncline.extract.credentials import Credentials

STYLES = {
    "next_link": "{type: next_link, path: meta.paging.next}",
    "token": "{type: token, path: token, parameter: token}",
    "offset": "{type: offset, total: total}",
    "page_number": "{type: page_number, more: more}",
    "link_header": "{type: link_header}",
    "none": "{type: none}",
}
STYLES["numbered_links"] = "{type: link_header, numbered: true}"
RESUMABLE = ("next_link", "token", "link_header")


def served(style: str) -> str:
    """Return what the API does for a style of the profile."""
    return "link_header" if style == "numbered_links" else style


def profile(style: str, *, size: int = 3) -> str:
    records = "''" if style in {"link_header", "numbered_links", "none"} else "data"
    return f"""{HEAD}
defaults:
  records: {records}
  pagination: {STYLES[style]}
  page: {{parameter: limit, size: {size}}}
{ITEMS}"""


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("count", [0, 1, 3, 4, 10])
async def test_every_row_comes_once(style: str, count: int) -> None:
    async with (
        serving(Api(lists={"/items": items(count)}, style=served(style))) as api,
        source_of(api, profile(style)) as source,
    ):
        batches = await batches_of(source, await scan_of(source, "Items"))
        assert ids_of(batches) == list(range(1, count + 1))
        assert [batch.complete for batch in batches] == [False] * (len(batches) - 1) + [True]
        assert sum(batch.requests for batch in batches) == len(api.asked)
        pages = 1 if style == "none" else max((count + 2) // 3, 1)
        assert len(api.asked) == pages
        assert all(asked.get("limit") == "3" for asked in api.asked)


@pytest.mark.parametrize("style", STYLES)
async def test_going_on_from_any_cursor_gives_exactly_the_rest(style: str) -> None:
    async with serving(Api(lists={"/items": items(10)}, style=served(style))) as api:
        async with source_of(api, profile(style)) as source:
            batches = await batches_of(source, await scan_of(source, "Items"))
        cursors = [(n, b.cursor) for n, b in enumerate(batches, 1) if b.cursor and not b.complete]
        assert len(cursors) == (len(batches) - 1 if style in RESUMABLE else 0)
        for read, cursor in cursors:
            async with source_of(api, profile(style)) as source:
                rest = await batches_of(source, await scan_of(source, "Items"), cursor)
                assert rows_of(batches[:read]) + rows_of(rest) == rows_of(batches)
                assert rest[-1].cursor == batches[-1].cursor
                assert not any(batch.restarted for batch in rest)


async def test_a_place_that_means_nothing_any_more_begins_the_read_again() -> None:
    async with serving(Api(lists={"/items": items(10)})) as api:
        text = profile("next_link")
        async with source_of(api, text) as source:
            scan = await scan_of(source, "Items")
            cursor = (await batches_of(source, scan))[1].cursor
        for status in (400, 404, 410, 422):
            api.faults.append(answering(status))
            async with source_of(api, text) as source:
                rest = await batches_of(source, await scan_of(source, "Items"), cursor)
            assert [batch.restarted for batch in rest] == [True, False, False, False]
            assert ids_of(rest) == list(range(1, 11))
            assert sum(batch.requests for batch in rest) == 5


async def test_a_cursor_holds_neither_host_nor_secret() -> None:
    async with serving(Api(lists={"/items": items(10)})) as api:
        # This API copies the key into its links.
        key = Credentials(scheme="APIKey")
        async with source_of(
            api, profile("next_link"), credentials=key, settings={"Key": "s3cret"}
        ) as source:
            batches = await batches_of(source, await scan_of(source, "Items"))
        assert all(asked.all("api_key") == ["s3cret"] for asked in api.asked)
        texts = [str(batch.cursor) for batch in batches]
        assert not any("s3cret" in text or "127.0.0.1" in text for text in texts)
    async with (
        serving(Api(lists={"/items": items(10)})) as other,
        source_of(other, profile("next_link"), credentials=key, settings={"Key": "n3w"}) as source,
    ):
        rest = await batches_of(source, await scan_of(source, "Items"), batches[0].cursor)
        assert ids_of(rest) == list(range(4, 11))
        assert all(asked.all("api_key") == ["n3w"] for asked in other.asked)


async def test_a_limit_stops_early_and_asks_for_less() -> None:
    async with (
        serving(Api(lists={"/items": items(100)})) as api,
        source_of(api, profile("next_link")) as source,
    ):
        few = await batches_of(source, await scan_of(source, "Items", limit=2))
        assert ids_of(few) == [1, 2]
        assert [asked.get("limit") for asked in api.asked] == ["2"]
        api.asked.clear()
        more = await batches_of(source, await scan_of(source, "Items", limit=7))
        assert ids_of(more) == list(range(1, 10))
        assert more[-1].complete
        assert len(api.asked) == 3


async def test_only_the_wanted_columns_come_in_the_wanted_order() -> None:
    async with (
        serving(Api(lists={"/items": items(2)})) as api,
        source_of(api, HEAD + NEXT_LINK + ITEMS) as source,
    ):
        scan = await scan_of(source, "Items", "name", "id")
        (batch,) = await batches_of(source, scan)
        assert batch.records.schema == scan.schema
        assert batch.records.to_pylist() == [
            {"name": "item 1", "id": 1},
            {"name": "item 2", "id": 2},
        ]


async def test_tables_say_where_their_rows_are() -> None:
    async with (
        serving(Api(lists={"/items": items(1)})) as api,
        source_of(api, profile("none")) as source,
    ):
        assert (await source.tables())["Items"].origin == api.url
