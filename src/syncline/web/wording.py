"""Numbers, times and states as people read them."""

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

_MINUTE = 60
_HOUR = 3600
_DAY = 86400
#: State of a run, task run, job, connection or node: how a badge shows it.
_KINDS = {
    "succeeded": "good", "ok": "good", "up": "good", "active": "good",
    "failed": "bad", "dead": "bad",
    "running": "busy", "queued": "busy", "pending": "busy",
    "cancelled": "warn", "skipped": "warn", "paused": "warn", "draining": "warn",
}  # fmt: skip


def kind_of(state: str) -> str:
    """Return the colour of a state: good, bad, busy, warn or idle."""
    return _KINDS.get(state, "idle")


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name; UTC if there is none of that name."""
    try:
        return ZoneInfo(name) if name else UTC
    except (LookupError, ValueError, OSError):
        return UTC


def count(number: int) -> str:
    """Return a number with its digits grouped."""
    return f"{number:,}"


def many(number: int, one: str, more: str = "") -> str:
    """Return a number with its noun."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def moment(at: datetime | None, zone: tzinfo) -> str:
    """Return a time, to the second, in the visitor's zone."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else "\u2013"


def clock_time(at: datetime, zone: tzinfo) -> str:
    """Return the time of day in the visitor's zone."""
    return at.astimezone(zone).strftime("%H:%M:%S")


def ago(at: datetime | None, now: datetime, zone: tzinfo) -> str:
    """Return a time as it is said: how long ago, or when."""
    if at is None:
        return "\u2013"
    seconds = (now - at).total_seconds()
    if 0 <= seconds < _MINUTE:
        return "just now"
    if 0 <= seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min ago"
    return day_and_time(at, now, zone)


def day_and_time(at: datetime | None, now: datetime, zone: tzinfo) -> str:
    """Return a time near now in as few words as are clear."""
    if at is None:
        return "\u2013"
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    time = local.strftime("%H:%M")
    if local.date() == today:
        return f"today {time}"
    if local.date() == today - timedelta(days=1):
        return f"yesterday {time}"
    if local.date() == today + timedelta(days=1):
        return f"tomorrow {time}"
    if local.year == today.year:
        return f"{local.day} {local.strftime('%b')} {time}"
    return f"{local.day} {local.strftime('%b %Y')} {time}"


def duration(seconds: float | None) -> str:
    """Return how long something took."""
    if seconds is None:
        return "\u2013"
    if seconds < 10:  # noqa: PLR2004 (tenths of seconds are of interest below)
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    if seconds < _HOUR:
        return f"{int(seconds // _MINUTE)} min {int(seconds % _MINUTE)} s"
    if seconds < _DAY:
        return f"{int(seconds // _HOUR)} h {int(seconds % _HOUR // _MINUTE)} min"
    return f"{int(seconds // _DAY)} d {int(seconds % _DAY // _HOUR)} h"
