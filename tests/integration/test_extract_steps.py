"""Tables that are asked for by parts of the time: from a start, up to now, step by step."""

from datetime import UTC, datetime

import pytest

from standins.clocks import SkippingClock
from standins.pages import Api, serving
from standins.reading import HEAD, batches_of, ids_of, scan_of, source_of
from syncline.errors import ProfileError, PropertyError
from syncline.profile.loader import parse_profile

DAY = 86_400
WITH_START = HEAD.replace("Key: {secret: true}", 'Key: {secret: true}\n  Start: {default: ""}')


def profile(incremental: str, more: str = "") -> str:
    return f"""{WITH_START}
defaults:
  records: data
  pagination: {{type: token, path: token, parameter: token}}
tables:
  Items:
    path: /items
    primary_key: [id]
    incremental: {{column: updated_at, parameter: from, overlap: 0, {incremental}}}
    columns: {{id: integer, updated_at: datetime}}
{more}"""


class FixedClock(SkippingClock):
    """A clock that stands at one moment until somebody sleeps."""

    def time(self) -> float:
        return datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() + self.skipped


def api(days: int = 60) -> Api:
    rows = [
        {"id": n, "day": f"2026-{1 + n // 28:02d}-{1 + n % 28:02d}"} for n in range(min(days, 80))
    ]
    listed = [{**row, "updated_at": f"{row['day']}T10:00:00Z"} for row in rows]
    return Api(lists={"/items": listed}, style="token", size=100)


@pytest.mark.parametrize(
    ("form", "first", "last"),
    [
        ("date", "2026-01-05", "2026-03-01"),
        ("iso8601", "2026-01-05T00:00:00Z", "2026-03-01T12:00:00Z"),
        ("epoch", "1767571200", "1772366400"),
        ("epoch_ms", "1767571200000", "1772366400000"),
        ("'%d.%m.%Y %H:%M'", "05.01.2026 00:00", "01.03.2026 12:00"),
    ],
)
async def test_a_start_and_an_end(form: str, first: str, last: str) -> None:
    text = profile(f"format: {form}, start: '{{Start}}', until: upto")
    async with (
        serving(api(3)) as served,
        source_of(served, text, clock=FixedClock(), settings={"Start": "2026-01-05"}) as source,
    ):
        await batches_of(source, await scan_of(source, "Items"))
    assert (served.asked[0].get("from"), served.asked[0].get("upto")) == (first, last)


async def test_one_parameter_for_both_ends() -> None:
    text = profile("value: 'updated:[{value} TO {until}]', format: date")
    async with (
        serving(api(3)) as served,
        source_of(served, text, clock=FixedClock(), settings={"Start": ""}) as source,
    ):
        scan = await scan_of(source, "Items")
        first = await batches_of(source, scan)
        await batches_of(source, scan, first[-1].cursor)
    assert [asked.get("from") for asked in served.asked] == [
        "updated:[1970-01-01 TO 2026-03-01]", "updated:[2026-03-01 TO 2026-03-01]",
    ]  # fmt: skip


async def test_without_a_start_nothing_is_said_the_first_time() -> None:
    text = profile("start: '{Start}'")
    async with (
        serving(api(3)) as served,
        source_of(served, text, clock=FixedClock(), settings={"Start": ""}) as source,
    ):
        await batches_of(source, await scan_of(source, "Items"))
    assert served.asked[0].get("from") is None


async def test_a_start_that_is_no_moment() -> None:
    text = profile("start: '{Start}'")
    async with (
        serving(api(3)) as served,
        source_of(served, text, settings={"Start": "soon"}) as source,
    ):
        with pytest.raises(PropertyError, match="'soon' is no moment"):
            await batches_of(source, await scan_of(source, "Items"))


STEPS = f"format: date, start: '{{Start}}', until: to, step: {20 * DAY}"


async def test_step_by_step_and_on_from_every_step() -> None:
    async with serving(api()) as served:
        text = profile(STEPS)
        settings = {"Start": "2026-01-01"}
        async with source_of(served, text, clock=FixedClock(), settings=settings) as source:
            batches = await batches_of(source, await scan_of(source, "Items"))
        asked = [(each.get("from"), each.get("to")) for each in served.asked]
        assert asked == [
            ("2026-01-01", "2026-01-21"),
            ("2026-01-21", "2026-02-10"),
            ("2026-02-10", "2026-03-01"),
        ]
        # A row of the day between two steps comes twice; none is missed.
        ids = ids_of(batches)
        assert sorted(set(ids)) == list(range(57))
        assert len(ids) == 59
        for read, batch in enumerate(batches[:-1], 1):
            async with source_of(served, text, clock=FixedClock(), settings=settings) as source:
                rest = await batches_of(source, await scan_of(source, "Items"), batch.cursor)
            assert ids_of(rest) == ids_of(batches[read:])
        served.asked.clear()
        async with source_of(served, text, clock=FixedClock(), settings=settings) as source:
            await batches_of(source, await scan_of(source, "Items"), batches[-1].cursor)
        assert [(each.get("from"), each.get("to")) for each in served.asked] == [
            ("2026-03-01", "2026-03-01")
        ]


async def test_steps_that_do_not_touch() -> None:
    text = profile(f"{STEPS}, granularity: {DAY}")
    async with (
        serving(api()) as served,
        source_of(served, text, clock=FixedClock(), settings={"Start": "2026-01-01"}) as source,
    ):
        assert ids_of(await batches_of(source, await scan_of(source, "Items"))) == list(range(57))


async def test_steps_for_each_value() -> None:
    text = profile(STEPS, "    fan_out: {values: [a, b], into: kind}\n").replace(
        "path: /items", "path: '/items/{value}'"
    )
    every = api().lists["/items"]
    async with (
        serving(
            Api(lists={"/items/a": every, "/items/b": every[:3]}, style="token", size=100)
        ) as served,
        source_of(served, text, clock=FixedClock(), settings={"Start": "2026-01-01"}) as source,
    ):
        scan = await scan_of(source, "Items")
        batches = await batches_of(source, scan)
        assert len(served.asked) == 6
        assert sorted(set(ids_of(batches))) == list(range(57))
        cursors = [batch.cursor for batch in batches[:-1] if batch.cursor]
        assert [cursor["at"] for cursor in cursors] == [{"after": "a"}]
        assert ids_of(await batches_of(source, scan, cursors[0])) == [0, 1, 2]


@pytest.mark.parametrize("incremental", ["step: 60, start: '2026-01-01'", "step: 60, until: to"])
def test_steps_need_both_ends(incremental: str) -> None:
    with pytest.raises(ProfileError, match="step: it needs 'start', and 'until'"):
        parse_profile(profile(incremental), "a.yaml")


async def test_a_start_that_nobody_has_set() -> None:
    text = profile(STEPS).replace('Start: {default: ""}', "Start: {}")
    async with serving(api(3)) as served, source_of(served, text) as source:
        with pytest.raises(PropertyError, match="Start is missing, which Items needs"):
            await batches_of(source, await scan_of(source, "Items"))
    assert served.asked == []
