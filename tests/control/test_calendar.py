"""Schedules: when they start next, over changes of the clocks too, and what they say in words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.control.calendar import last_run_before, next_runs, words
from syncline.control.timetable import ScheduleSpec

BERLIN = "Europe/Berlin"


def spec(**settings: Any) -> ScheduleSpec:
    return ScheduleSpec.model_validate(settings)


def starts(schedule: ScheduleSpec, after: str, count: int) -> list[str]:
    zone = ZoneInfo(schedule.time_zone)
    moment = datetime.fromisoformat(after)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    found = next_runs(schedule, moment, count)
    return [f"{m.astimezone(zone):%a %Y-%m-%d %H:%M%z}" for m in found]


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        (spec(every_minutes=15), "2026-11-22 10:07",
         ["Sun 2026-11-22 10:15+0000", "Sun 2026-11-22 10:30+0000"]),
        (spec(every_minutes=15), "2026-11-22 10:15", ["Sun 2026-11-22 10:30+0000"]),
        (spec(hourly_at=5), "2026-11-22 10:07", ["Sun 2026-11-22 11:05+0000"]),
        (spec(hourly_at=5, time_zone="Asia/Kathmandu"), "2026-11-22 10:07",
         ["Sun 2026-11-22 11:05+0545"]),
        (spec(daily_at="03:30", time_zone=BERLIN), "2026-11-22 10:07",
         ["Mon 2026-11-23 03:30+0100"]),
        (spec(weekly={"days": ["monday", "friday"], "at": "08:00"}), "2026-11-22 10:07",
         ["Mon 2026-11-23 08:00+0000", "Fri 2026-11-27 08:00+0000", "Mon 2026-11-30 08:00+0000"]),
        (spec(monthly={"day": 31, "at": "01:00"}), "2026-11-22 10:07",
         ["Mon 2026-11-30 01:00+0000", "Thu 2026-12-31 01:00+0000"]),
        (spec(monthly={"day": "last", "at": "01:00"}), "2028-02-01 00:00",
         ["Tue 2028-02-29 01:00+0000"]),
        (spec(cron="0 9 * * 1-5", time_zone=BERLIN), "2026-11-20 09:00",
         ["Mon 2026-11-23 09:00+0100"]),
        (spec(cron="0 0 L * *"), "2026-11-22 10:07", ["Mon 2026-11-30 00:00+0000"]),
        (spec(cron="0 0 29 2 *"), "2096-03-01 00:00", ["Fri 2104-02-29 00:00+0000"]),
        (spec(continuous=30), "2026-11-22 10:07", ["Sun 2026-11-22 10:07+0000"]),
        (spec(after={"job": "other"}), "2026-11-22 10:07", []),
    ],
    ids=lambda v: words(v) if isinstance(v, ScheduleSpec) else "",
)  # fmt: skip
def test_the_next_starts(schedule: ScheduleSpec, after: str, expected: list[str]) -> None:
    assert starts(schedule, after, max(1, len(expected))) == expected


@pytest.mark.parametrize("schedule", [spec(daily_at="02:30", time_zone=BERLIN),
                                      spec(cron="30 2 * * *", time_zone=BERLIN)],
                         ids=["daily", "cron"])  # fmt: skip
def test_a_time_that_the_clocks_skip_is_made_up_for_and_one_twice_counts_once(
    schedule: ScheduleSpec,
) -> None:
    # On 29 March 2026 the clocks go from 02:00 to 03:00, on 25 October from 03:00 to 02:00.
    assert starts(schedule, "2026-03-28 12:00", 2) == [
        "Sun 2026-03-29 03:00+0200",
        "Mon 2026-03-30 02:30+0200",
    ]
    assert starts(schedule, "2026-10-24 12:00", 2) == [
        "Sun 2026-10-25 02:30+0200",
        "Mon 2026-10-26 02:30+0100",
    ]


@pytest.mark.parametrize("schedule", [spec(every_minutes=30, time_zone=BERLIN),
                                      spec(cron="*/30 * * * *", time_zone=BERLIN)],
                         ids=["minutes", "cron"])  # fmt: skip
def test_steps_go_by_the_time_that_really_passes(schedule: ScheduleSpec) -> None:
    assert starts(schedule, "2026-03-29 01:15", 3) == [
        "Sun 2026-03-29 01:30+0100",
        "Sun 2026-03-29 03:00+0200",
        "Sun 2026-03-29 03:30+0200",
    ]
    assert starts(schedule, "2026-10-25 01:45+02:00", 5) == [
        "Sun 2026-10-25 02:00+0200",
        "Sun 2026-10-25 02:30+0200",
        "Sun 2026-10-25 02:00+0100",
        "Sun 2026-10-25 02:30+0100",
        "Sun 2026-10-25 03:00+0100",
    ]


times = st.from_regex(r"([01][0-9]|2[0-3]):[0-5][0-9]", fullmatch=True)
zones = st.sampled_from(
    ["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Apia"]
)
ways = st.one_of(
    st.builds(dict, every_minutes=st.sampled_from([1, 5, 10, 15, 20, 30])),
    st.builds(dict, hourly_at=st.integers(0, 59)),
    st.builds(dict, daily_at=times),
    st.builds(dict, weekly=st.fixed_dictionaries(
        {"days": st.sets(st.sampled_from(["monday", "wednesday", "sunday"]), min_size=1)
         .map(sorted), "at": times})),
    st.builds(dict, monthly=st.fixed_dictionaries(
        {"day": st.one_of(st.integers(1, 31), st.just("last")), "at": times})),
    st.builds(dict, cron=st.sampled_from(
        ["*/7 * * * *", "30 2 * * *", "15 */2 * * *", "0 0 1 * *", "*/20 1-3 * * 0", "5 4 * * 1#2"]
    )),
)  # fmt: skip
schedules = st.builds(lambda way, zone: spec(time_zone=zone, **way), ways, zones)
moments = st.datetimes(
    datetime(2025, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)  # noqa: DTZ001 (hypothesis adds the zone)
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(schedules, moments)
def test_starts_are_later_each_and_none_is_left_out(
    schedule: ScheduleSpec, after: datetime
) -> None:
    found = next_runs(schedule, after, 5)
    assert len(found) == 5
    assert all(m.tzinfo is UTC and m.second == 0 for m in found)
    assert [after, *found] == sorted({after, *found})
    # From any start, and from any moment between two, the rest is the same.
    for index, start in enumerate(found[:-1]):
        assert next_runs(schedule, start, 1) == (found[index + 1],)
        assert next_runs(schedule, start - timedelta(microseconds=1), 1) == (start,)


@settings(max_examples=150, deadline=None)
@given(schedules, moments)
def test_the_local_clock_shows_what_was_asked_for(schedule: ScheduleSpec, after: datetime) -> None:
    (start,) = next_runs(schedule, after, 1)
    local = start.astimezone(ZoneInfo(schedule.time_zone))
    if schedule.every_minutes:
        assert local.minute % schedule.every_minutes == 0
        assert start - after <= timedelta(hours=1)
    elif schedule.hourly_at is not None:
        assert local.minute == schedule.hourly_at
        assert start - after <= timedelta(hours=2)
    elif schedule.daily_at:
        made_up = local.replace(tzinfo=None) > datetime.fromisoformat(
            f"{local:%Y-%m-%d} {schedule.daily_at}"
        )
        skipped = (local - timedelta(hours=25)).utcoffset() != local.utcoffset()
        assert f"{local:%H:%M}" == schedule.daily_at or (made_up and skipped)
        assert start - after <= timedelta(hours=25)


@settings(max_examples=100, deadline=None)
@given(schedules, moments, st.timedeltas(timedelta(), timedelta(days=3)))
def test_what_was_missed_last(schedule: ScheduleSpec, after: datetime, down: timedelta) -> None:
    now = after + down
    missed = last_run_before(schedule, after, now)
    if missed is None:
        assert next_runs(schedule, after, 1)[0] > now
    else:
        assert after < missed <= now
        assert next_runs(schedule, missed, 1)[0] > now


def test_a_year_of_minutes_is_not_counted_one_by_one() -> None:
    now = datetime(2026, 11, 22, 10, 7, tzinfo=UTC)
    missed = last_run_before(spec(every_minutes=1), now - timedelta(days=365), now)
    assert missed == now
    assert last_run_before(spec(continuous=1), now - timedelta(days=1), now) is None


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (spec(every_minutes=1), "every minute"),
        (spec(every_minutes=15), "every 15 minutes"),
        (spec(hourly_at=5), "every hour at :05"),
        (spec(daily_at="03:30", time_zone=BERLIN), "every day at 03:30 (Europe/Berlin)"),
        (spec(weekly={"days": ["friday", "monday", "sunday"], "at": "08:00"}),
         "every Monday, Friday and Sunday at 08:00 UTC"),
        (spec(monthly={"day": 31, "at": "01:00"}), "on day 31 of every month at 01:00 UTC"),
        (spec(monthly={"day": "last", "at": "01:00"}),
         "on the last day of every month at 01:00 UTC"),
        (spec(cron="0 9 * * 1-5"), "at cron 0 9 * * 1-5 UTC"),
        (spec(continuous=0), "again and again without a pause"),
        (spec(continuous=1), "again and again, 1 second after each run"),
        (spec(continuous=90, enabled=False),
         "again and again, 90 seconds after each run, switched off"),
        (spec(after={"job": "load", "when": "ended"}), "after load has ended"),
    ],
)  # fmt: skip
def test_words(schedule: ScheduleSpec, text: str) -> None:
    assert words(schedule) == text
