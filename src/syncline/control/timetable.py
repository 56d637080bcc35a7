"""When a job starts by itself, as it is written down."""

from datetime import UTC, datetime
from typing import Annotated, Literal, Self, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

Day: TypeAlias = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]
TimeOfDay: TypeAlias = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; such as Europe/Berlin, or UTC") from None
    return name


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class WeeklySpec(_Part):
    """Days of the week and a time."""

    days: tuple[Day, ...] = Field(min_length=1, description="monday to sunday.")
    at: TimeOfDay = Field(description="HH:MM.")


class MonthlySpec(_Part):
    """A day of the month and a time."""

    day: Annotated[int, Field(ge=1, le=31)] | Literal["last"] = Field(
        description="1 to 31 or last; the last day of months that are shorter."
    )
    at: TimeOfDay = Field(description="HH:MM.")


class AfterSpec(_Part):
    """Another job, and how it must have ended."""

    job: str = Field(description="Name of the other job.")
    when: Literal["succeeded", "failed", "ended"] = Field(
        default="succeeded", description="How its run must have ended."
    )


class ScheduleSpec(_Part):
    """One way to start by itself: by the clock, again and again, or after another job."""

    every_minutes: Literal[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30] | None = Field(
        default=None, description="Every so many minutes, counted from the full hour."
    )
    hourly_at: Annotated[int, Field(ge=0, le=59)] | None = Field(
        default=None, description="Every hour at this minute."
    )
    daily_at: TimeOfDay | None = Field(default=None, description="Every day at HH:MM.")
    weekly: WeeklySpec | None = Field(default=None, description="On these days, at HH:MM.")
    monthly: MonthlySpec | None = Field(default=None, description="On this day, at HH:MM.")
    cron: str | None = Field(
        default=None,
        description="minute hour day month weekday; * , - / and L, W, # are known; 0 and 7 are "
        "Sunday.",
    )
    continuous: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Again and again, with so many seconds between two runs."
    )
    after: AfterSpec | None = Field(default=None, description="When another job has ended.")
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        default="UTC",
        description="Of the times above, such as Europe/Berlin. A time that the clocks skip is "
        "made up for right after, one that comes twice counts once; every_minutes and hourly_at "
        "go by the hours that really pass.",
    )
    missed: Literal["once", "skip"] = Field(
        default="once",
        description="once: a start that was missed because nothing was running is made up for, "
        "once; skip: wait for the next.",
    )
    enabled: bool = Field(default=True, description="The switch of the schedule.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in WAYS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give one of {', '.join(WAYS)}")
        if self.cron is not None:
            _check_cron(self.cron)
        return self

    @property
    def way(self) -> str:
        """Which of the ways it is: the name of the field that is set."""
        return next(name for name in WAYS if getattr(self, name) is not None)

    @property
    def by_clock(self) -> bool:
        """Starts at times that are known beforehand."""
        return self.continuous is None and self.after is None


WAYS = (
    "every_minutes", "hourly_at", "daily_at", "weekly", "monthly", "cron", "continuous", "after",
)  # fmt: skip
_CRON_FIELDS = 5
_SOME_DAY = datetime(2026, 1, 1, tzinfo=UTC)


def _check_cron(text: str) -> None:
    # Few project files have a cron line, and most commands need no calendar.
    from croniter import CroniterError, croniter  # noqa: PLC0415 (start-up time)

    if len(text.split()) != _CRON_FIELDS:
        raise ValueError(f"cron has {_CRON_FIELDS} fields: minute hour day month weekday")
    try:
        # A leap day comes again after eight years at most, over the turn of a century.
        croniter(text, _SOME_DAY, max_years_between_matches=9).get_next()
    except CroniterError:
        raise ValueError(f"{text!r} is no cron expression that ever comes true") from None
