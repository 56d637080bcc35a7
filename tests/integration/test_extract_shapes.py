"""Single records, values from headers, walks by record, values of settings, what may be absent."""

from typing import Any

import pytest
from aiohttp import web

from standins.clocks import SkippingClock
from standins.pages import Api, answering, failure, saying, serving
from standins.reading import HEAD, batches_of, ids_of, items, rows_of, scan_of, source_of
from syncline.errors import NotFound, PermissionRefused, PropertyError, ResponseRefused

_REGION = "settings:\n  Region: {}"
DETAILS = f"""{HEAD.replace("settings:", _REGION)}
limits: {{concurrency: 3}}
tables:
  Items:
    path: /items
    records: data
    pagination: {{type: token, path: token, parameter: token}}
    columns: {{id: integer}}
  Details:
    path: /items/{{parent.id}}
    records: item
    answer: one
    fan_out: {{parent: Items, into: item_id}}
    primary_key: [item_id]
    columns:
      name: string
      trace: {{type: string, header: X-Trace}}
      left: {{type: integer, header: X-Left}}
      region: {{type: string, value: "{{Region}}"}}
"""


def detailed(count: int) -> Api:
    async def answer(request: web.Request) -> web.StreamResponse | None:
        name = request.path.removeprefix("/items/")
        if not name.isdecimal():
            return None
        if int(name) == 3:
            return failure(404, "NotFound", "gone meanwhile")
        body = {"item": {"name": f"item {name}", "more": [1, 2]}}
        return web.json_response(body, headers={"X-Trace": f"t{name}", "X-Left": "7"})

    return Api(lists={"/items": items(count)}, style="token", delay=0.01, always=answer)


async def test_a_request_for_each_row_with_bounded_concurrency() -> None:
    async with (
        serving(detailed(10)) as api,
        source_of(api, DETAILS, settings={"Region": "eu"}) as source,
    ):
        batches = await batches_of(source, await scan_of(source, "Details"))
    assert rows_of(batches) == [
        {"name": f"item {n}", "trace": f"t{n}", "left": 7, "region": "eu", "item_id": n}
        for n in range(1, 11)
        if n != 3
    ]
    assert api.most_under_way == 3
    assert len(api.asked) == 4 + 10


async def test_a_header_that_does_not_fit_makes_the_rows_misfits() -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.json_response([{"id": 1}], headers={"X-Left": "many"})

    text = f"""{HEAD}
tables:
  Items:
    path: /items
    columns: {{id: integer, left: {{type: integer, header: X-Left}}}}
"""
    api = Api(lists={}, always=answer)
    async with serving(api), source_of(api, text) as source:
        scan = await scan_of(source, "Items", keep_rejects=True)
        (batch,) = await batches_of(source, scan)
    assert batch.records.num_rows == 0
    assert batch.rejects[0].reason == "column 'left': 'many' is no integer"


EITHER = f"""{HEAD}
tables:
  Items: {{path: /items, records: data, answer: FORM, columns: {{id: integer, x: integer}}}}
  Bare: {{path: /items, answer: FORM, columns: {{id: integer, x: integer}}}}
"""


@pytest.mark.parametrize(
    ("form", "table", "body", "found"),
    [
        ("one", "Items", '{"data": {"id": 1}}', [1]),
        ("one", "Bare", '{"id": 1}', [1]),
        ("one", "Items", '{"data": [{"id": 1}]}', "no list of records at 'data'"),
        ("one", "Items", "{}", "no list of records at 'data'"),
        ("either", "Items", '{"data": {"id": 1}}', [1]),
        ("either", "Items", '{"data": [{"id": 1}, {"id": 2}]}', [1, 2]),
        ("either", "Items", '{"data": []}', []),
        ("either", "Items", '{"data": null}', []),
        ("either", "Items", "{}", []),
        ("either", "Bare", '{"id": 1}', [1]),
        ("either", "Bare", '[{"id": 1}]', [1]),
        ("either", "Items", '{"data": "x"}', "no list of records"),
        ("either", "Items", '{"data": [{"id": 1, "x": "no"}]}', "does not fit: column 'x'"),
        ("either", "Items", '{"data": {"id": 1, "x": "no"}}', "does not fit: column 'x'"),
        ("one", "Bare", '{"id": 1, "x": "no"}', "does not fit: column 'x'"),
    ],
)
async def test_one_record_or_a_list(form: str, table: str, body: str, found: Any) -> None:
    api = Api(lists={}, always=saying(body.encode()))
    async with serving(api), source_of(api, EITHER.replace("FORM", form)) as source:
        scan = await scan_of(source, table)
        if isinstance(found, list):
            assert ids_of(await batches_of(source, scan)) == found
        else:
            with pytest.raises(Exception, match=found):
                await batches_of(source, scan)


def after_last(request: web.Request, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    begin = int(request.query.get("after", 0))
    return [row for row in rows if row["id"] > begin][:3]


@pytest.mark.parametrize("ending", ["", ", more: has_more", ", ends: short", ", ends: empty"])
@pytest.mark.parametrize("count", [0, 3, 7])
async def test_pages_after_the_last_record(ending: str, count: int) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        rows = after_last(request, items(count))
        more = bool(rows) and rows[-1]["id"] < count
        return web.json_response({"data": rows, "has_more": more})

    text = f"""{HEAD}
tables:
  Items:
    path: /items
    records: data
    pagination: {{type: last_record, path: id, parameter: after{ending}}}
    page: {{parameter: limit, size: 3}}
    columns: {{name: string}}
"""
    api = Api(lists={}, always=answer)
    async with serving(api), source_of(api, text) as source:
        batches = await batches_of(source, await scan_of(source, "Items"))
        assert ids_of(batches, "name") == [f"item {n}" for n in range(1, count + 1)]
        known = "has_more" in ending or ("short" in ending and count != 3)
        assert len(api.asked) == -(-count // 3) + (not known or count == 0)


async def test_a_last_record_that_names_nothing_or_stays_the_same_is_refused() -> None:
    text = f"""{HEAD}
tables:
  Items:
    path: /items
    pagination: {{type: last_record, path: ref, parameter: after}}
    columns: {{id: integer}}
"""
    for body, said in ((b'[{"id": 1}]', "no 'ref'"), (b'[{"id": 1, "ref": "a"}]', "same page")):
        api = Api(lists={}, always=saying(body))
        async with serving(api), source_of(api, text) as source:
            with pytest.raises(ResponseRefused, match=said):
                await batches_of(source, await scan_of(source, "Items"))


@pytest.mark.parametrize(
    ("pagination", "first", "second"),
    [
        ("{type: page_number, on_first: false}", None, "2"),
        ("{type: page_number, parameter: page, first_page: 0}", "0", "1"),
        ("{type: offset, parameter: page, on_first: true}", "0", "3"),
        ("{type: offset, parameter: page}", None, "3"),
    ],
)
async def test_what_the_first_request_says(pagination: str, first: str, second: str) -> None:
    rows = items(4)

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.json_response(rows[:3] if len(api.asked) == 1 else rows[3:])

    text = f"""{HEAD}
tables:
  Items:
    path: /items
    pagination: {pagination}
    page: {{size: 3}}
    columns: {{id: integer}}
"""
    api = Api(lists={}, always=answer)
    async with serving(api), source_of(api, text) as source:
        assert ids_of(await batches_of(source, await scan_of(source, "Items"))) == [1, 2, 3, 4]
    assert [asked.get("page") for asked in api.asked] == [first, second]


BY_VALUE = f"""{HEAD}
tables:
  Items:
    path: /boards/{{value}}/items
    fan_out: {{setting: Key, into: board}}
    absent: [403, 404]
    parameters: {{empty: "{{Nothing}}", of: "board {{value}}"}}
    columns: {{id: integer}}
"""
WITH_NOTHING = BY_VALUE.replace("Key: {secret: true}", 'Key: {}\n  Nothing: {default: ""}')


async def test_a_walk_for_each_value_of_a_setting() -> None:
    lists = {"/boards/a b/items": items(2), "/boards/c/items": items(1)}
    api = Api(lists=lists, style="none")
    async with (
        serving(api),
        source_of(api, WITH_NOTHING, settings={"Key": "a b, c,missing,c", "Nothing": ""}) as source,
    ):
        rows = rows_of(await batches_of(source, await scan_of(source, "Items")))
    assert [(row["id"], row["board"]) for row in rows] == [(1, "a b"), (2, "a b"), (1, "c")]
    # What nobody has set is left away.
    assert [asked.query for asked in api.asked] == [
        [("of", "board a b")], [("of", "board c")], [("of", "board missing")],
    ]  # fmt: skip


async def test_a_setting_without_values_is_missing() -> None:
    api = Api(lists={})
    async with serving(api), source_of(api, WITH_NOTHING, settings={"Key": " , "}) as source:
        with pytest.raises(PropertyError, match="Key is missing"):
            await batches_of(source, await scan_of(source, "Items"))


async def test_only_the_statuses_named_are_absent_and_only_at_the_beginning() -> None:
    text = f"""{HEAD}
defaults: {{records: data, pagination: {{type: token, path: token, parameter: token}}}}
tables:
  Items: {{path: /items, absent: [403], columns: {{id: integer}}}}
"""
    api = Api(lists={"/items": items(5)}, style="token")
    async with serving(api), source_of(api, text) as source:
        scan = await scan_of(source, "Items")
        api.faults.append(answering(403))
        assert rows_of(await batches_of(source, scan)) == []
        api.faults.append(answering(404))
        with pytest.raises(NotFound):
            await batches_of(source, scan)
        api.faults.extend([None, answering(403)])
        with pytest.raises(PermissionRefused):
            await batches_of(source, scan)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("moment", [False, True])
async def test_the_profile_names_the_header_that_asks_for_a_wait(
    status: int, *, moment: bool
) -> None:
    text = f"""{HEAD}
retry: {{after: X-Wait}}
tables:
  Items: {{path: /items, columns: {{id: integer}}}}
"""
    clock = SkippingClock()
    wait = str(clock.time() + 77) if moment else "77"
    # The server's own clock goes before ours, and a header of another name is none.
    api = Api(lists={"/items": items(1)}, style="none")
    api.faults.append(answering(status, X_Wait=wait, Retry_After="5000"))
    async with serving(api), source_of(api, text, clock=clock) as source:
        assert ids_of(await batches_of(source, await scan_of(source, "Items"))) == [1]
    assert 75 < clock.skipped < 90
