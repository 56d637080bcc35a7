"""When a schedule starts its job next, and what it says in words. Pure: no clock of its own."""

import heapq
from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import get_args
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from syncline.control.timetable import Day, ScheduleSpec

_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
#: Clocks are put back by less than this.
_SHIFT = timedelta(hours=3)
_DAYS: tuple[str, ...] = get_args(Day)
#: A leap day comes again after eight years at most, over the turn of a century.
_YEARS = 9


def next_runs(schedule: ScheduleSpec, after: datetime, count: int = 1) -> tuple[datetime, ...]:
    """Return the next starts after a moment, oldest first, in UTC.

    A continuous schedule has one: its pause after ``after``, which is the end of the last run.
    A schedule after another job has none. Whether the schedule is switched on does not matter.
    """
    after = after.astimezone(UTC)
    return tuple(islice(_starts(schedule, after), count))


def last_run_before(schedule: ScheduleSpec, after: datetime, now: datetime) -> datetime | None:
    """Return the newest start after ``after`` and not after ``now``: what was missed last.

    None if there is none; only of schedules by the clock. Looks at a day at most for each step
    back, however long ago ``after`` is.
    """
    if not schedule.by_clock:
        return None
    after, now = after.astimezone(UTC), now.astimezone(UTC)
    span = timedelta(hours=1)
    while True:
        begin = max(after, now - span)
        newest = None
        for start in _starts(schedule, begin):
            if start > now:
                break
            newest = start
        if newest is not None or begin == after:
            return newest
        span *= 8


def words(schedule: ScheduleSpec) -> str:
    """Return what a schedule says, in English, to follow the name of a job."""
    text = _WORDS[schedule.way](schedule)
    if schedule.by_clock and schedule.time_zone != "UTC":
        text += f" ({schedule.time_zone})"
    elif schedule.by_clock and schedule.every_minutes is None and schedule.hourly_at is None:
        text += " UTC"
    return text if schedule.enabled else f"{text}, switched off"


def _starts(schedule: ScheduleSpec, after: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(schedule.time_zone)
    if schedule.continuous is not None:
        return iter((after + timedelta(seconds=schedule.continuous),))
    if schedule.after is not None:
        return iter(())
    if (step := schedule.every_minutes) is not None:
        return _minutes(zone, after, lambda minute: minute % step == 0)
    if (at := schedule.hourly_at) is not None:
        return _minutes(zone, after, lambda minute: minute == at)
    if schedule.cron is not None:
        return _cron(schedule.cron, zone, after)
    return _days(schedule, zone, after)


def _minutes(zone: ZoneInfo, after: datetime, fits: Callable[[int], bool]) -> Iterator[datetime]:
    """Yield the minutes that really pass and whose number on the local clock fits."""
    moment = after.replace(second=0, microsecond=0)
    while True:
        moment += _MINUTE
        if fits(moment.astimezone(zone).minute):
            yield moment


def _days(schedule: ScheduleSpec, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    day = after.astimezone(zone).date() - _DAY
    at = _time_of_day(schedule)
    while True:
        if _is_day(schedule, day):
            moment = _instant(datetime.combine(day, at), zone)
            if moment > after:
                yield moment
        day += _DAY


def _time_of_day(schedule: ScheduleSpec) -> time:
    given = schedule.weekly or schedule.monthly
    return time.fromisoformat(given.at if given else schedule.daily_at or "00:00")


def _is_day(schedule: ScheduleSpec, day: date) -> bool:
    if schedule.weekly is not None:
        return _DAYS[day.weekday()] in schedule.weekly.days
    if schedule.monthly is not None:
        last = monthrange(day.year, day.month)[1]
        wanted = schedule.monthly.day
        return day.day == (last if wanted == "last" else min(wanted, last))
    return True


def _cron(text: str, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    # Who writes * for the hour means time that passes; who writes an hour means the wall clock.
    passing = text.split()[1].startswith("*")
    shifting = (after - _SHIFT).astimezone(zone).utcoffset() != (after + _SHIFT).astimezone(
        zone
    ).utcoffset()
    begin = after.astimezone(zone).replace(tzinfo=None) - (_SHIFT if shifting else timedelta())
    ticks = croniter(text, begin, ret_type=datetime, max_years_between_matches=_YEARS)
    waiting: list[datetime] = []
    newest = after
    while True:
        try:
            wall: datetime = ticks.get_next()
        except CroniterError:
            return
        found = _passing(wall, zone) if passing else (_instant(wall, zone),)
        # The second pass of an hour that comes twice is later than the next tick of the first.
        sure = wall.replace(tzinfo=zone).astimezone(UTC)
        for moment in found:
            heapq.heappush(waiting, moment)
        while waiting and waiting[0] <= sure:
            moment = heapq.heappop(waiting)
            if moment > newest:
                newest = moment
                yield moment


def _passing(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return every moment at which the local clock shows this: none, one or two."""
    both = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return tuple(sorted({m for m in both if m.astimezone(zone).replace(tzinfo=None) == wall}))


def _instant(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment at which the local clock shows this, or skips it."""
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    offset = moment.astimezone(zone).utcoffset()
    moment = moment.replace(second=0, microsecond=0)
    while (moment - _MINUTE).astimezone(zone).utcoffset() == offset:
        moment -= _MINUTE
    return moment


def _weekly(schedule: ScheduleSpec) -> str:
    assert schedule.weekly is not None  # noqa: S101 (the way of this schedule)
    days = [day.capitalize() for day in _DAYS if day in schedule.weekly.days]
    return f"every {_listed(days)} at {schedule.weekly.at}"


def _monthly(schedule: ScheduleSpec) -> str:
    assert schedule.monthly is not None  # noqa: S101 (the way of this schedule)
    day = schedule.monthly.day
    which = "the last day" if day == "last" else f"day {day}"
    return f"on {which} of every month at {schedule.monthly.at}"


def _continuous(schedule: ScheduleSpec) -> str:
    pause = schedule.continuous or 0
    if not pause:
        return "again and again without a pause"
    return f"again and again, {pause:g} second{'' if pause == 1 else 's'} after each run"


def _after(schedule: ScheduleSpec) -> str:
    assert schedule.after is not None  # noqa: S101 (the way of this schedule)
    return f"after {schedule.after.job} has {schedule.after.when}"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


_WORDS: dict[str, Callable[[ScheduleSpec], str]] = {
    "every_minutes": lambda s: "every minute" if s.every_minutes == 1
    else f"every {s.every_minutes} minutes",
    "hourly_at": lambda s: f"every hour at :{s.hourly_at:02d}",
    "daily_at": lambda s: f"every day at {s.daily_at}",
    "weekly": _weekly,
    "monthly": _monthly,
    "cron": lambda s: f"at cron {s.cron}",
    "continuous": _continuous,
    "after": _after,
}  # fmt: skip
