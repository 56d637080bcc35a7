"""When a job starts by itself: presets, cron, another job; with the next five starts."""

from typing import Any

from nicegui import ui
from pydantic import ValidationError

from syncline.control.calendar import words
from syncline.control.timetable import ScheduleSpec
from syncline.control.usecases.scheduling import previewed
from syncline.web.parts import button, heading_2, note
from syncline.web.saving import OpenJob, save_job
from syncline.web.visitor import Visitor
from syncline.web.wording import day_and_time

_WAYS = {
    "none": "By hand only",
    "every_minutes": "Every few minutes",
    "hourly_at": "Hourly",
    "daily_at": "Daily",
    "weekly": "Weekly",
    "monthly": "Monthly",
    "cron": "Cron expression",
    "continuous": "Continuously",
    "after": "After another job",
}
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MINUTES = [1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30]


async def build(visitor: Visitor, opened: OpenJob) -> None:
    """Build the tab."""
    part = _Part(visitor, opened)
    with ui.element("section").classes("card"), ui.element("div").classes("padded rows"):
        part.show()


class _Part:
    def __init__(self, visitor: Visitor, opened: OpenJob) -> None:
        self._visitor = visitor
        self._opened = opened
        schedule = opened.job.spec.schedule
        self._way = schedule.way if schedule else "none"
        self._values: dict[str, Any] = {
            "every_minutes": 10, "hourly_at": 0, "time": "02:00", "days": ["monday"], "day": 1,
            "cron": "*/15 8-18 * * mon-fri", "continuous": 60.0, "after": "", "when": "succeeded",
            "time_zone": visitor.zone_name or "UTC", "missed": "once", "enabled": True,
        }  # fmt: skip
        if schedule:
            self._values |= _values(schedule)

    def show(self) -> None:
        may = self._visitor.may("jobs.edit", self._opened.job.name)
        with ui.element("div").classes("fields"):
            way = ui.select(_WAYS, value=self._way, label="Start").props(
                "outlined stack-label options-dense"
            )
            way.on_value_change(lambda e: self._choose(e.value))
            self._zone = ui.input("Time zone", value=self._values["time_zone"])
            self._zone.props("outlined stack-label spellcheck=false")
            self._zone.props["hint"] = "Such as Europe/Berlin, America/New_York or UTC."
            self._zone.on_value_change(lambda e: self._put("time_zone", str(e.value).strip()))
        self._details = ui.element("div").classes("fields")
        self._preview = ui.element("div").classes("rows").props("aria-live=polite")
        self._choose(self._way)
        if may:
            with ui.element("div").classes("row-line"):
                button("Save Changes", self._save, icon="check", main=True)

    def _choose(self, way: str) -> None:
        self._way = way
        self._zone.visible = way not in {"none", "continuous", "after"}
        self._details.clear()
        with self._details:
            for field in _FIELDS.get(way, ()):
                self._field(field)
        self._show_preview()

    def _field(self, name: str) -> None:
        value = self._values[name]
        made: Any
        if name == "every_minutes":
            choices = {m: "Every minute" if m == 1 else f"Every {m} minutes" for m in _MINUTES}
            made = ui.select(choices, value=value, label="How often")
        elif name == "days":
            made = ui.select(
                {day: day.capitalize() for day in _DAYS}, value=value, label="Days", multiple=True
            ).props("use-chips")
        elif name == "day":
            made = ui.select(
                {**{n: str(n) for n in range(1, 32)}, "last": "Last day"}, value=value, label="Day"
            )
        elif name == "missed":
            made = ui.select(
                {"once": "Make up for it, once", "skip": "Wait for the next"},
                value=value, label="A start that was missed",
            )  # fmt: skip
        elif name == "when":
            made = ui.select(
                {"succeeded": "succeeded", "failed": "failed", "ended": "ended, however"},
                value=value, label="When it has",
            )  # fmt: skip
        elif name in {"hourly_at", "continuous"}:
            label, least, most = (
                ("Minute of the hour", 0, 59)
                if name == "hourly_at"
                else ("Seconds between two runs", 0, 86400)
            )
            made = ui.number(label, value=value, min=least, max=most, precision=0)
        else:
            label = {"time": "Time (HH:MM)", "cron": "Cron expression", "after": "Job"}[name]
            made = ui.input(label, value=value)
            if name == "cron":
                made.props["hint"] = "minute hour day month weekday"
        made.props("outlined stack-label options-dense spellcheck=false")
        made.on_value_change(lambda e: self._put(name, e.value))

    def _put(self, name: str, value: Any) -> None:
        self._values[name] = value
        self._show_preview()

    def _show_preview(self) -> None:
        self._preview.clear()
        with self._preview:
            schedule = self._schedule()
            if isinstance(schedule, str):
                note(schedule, kind="warn")
                return
            if schedule is None:
                ui.label("The job runs when somebody starts it.").classes("muted")
                return
            text = words(schedule)
            heading_2(f"{text[:1].upper()}{text[1:]}")
            starts = previewed(schedule, self._visitor.now)
            if starts:
                ui.label(f"The next starts, by your clock ({self._visitor.zone_name or 'UTC'}):")
            with ui.element("ul").classes("steps"):
                for start in starts:
                    with ui.element("li"):
                        ui.icon("schedule").props("aria-hidden=true").classes("muted")
                        ui.label(day_and_time(start, self._visitor.now, self._visitor.zone))

    def _schedule(self) -> ScheduleSpec | str | None:
        """Return the schedule as it is filled in, or what is wrong with it."""
        if self._way == "none":
            return None
        v = self._values
        ways: dict[str, Any] = {
            "every_minutes": v["every_minutes"],
            "hourly_at": v["hourly_at"],
            "daily_at": v["time"],
            "weekly": {"days": v["days"], "at": v["time"]},
            "monthly": {"day": v["day"], "at": v["time"]},
            "cron": v["cron"],
            "continuous": v["continuous"],
            "after": {"job": v["after"], "when": v["when"]},
        }
        common = {"enabled": v["enabled"]}
        if self._way not in {"continuous", "after"}:
            common |= {"time_zone": v["time_zone"] or "UTC", "missed": v["missed"]}
        try:
            return ScheduleSpec.model_validate({self._way: ways[self._way], **common})
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            return first["msg"].removeprefix("Value error, ").capitalize()

    async def _save(self) -> None:
        schedule = self._schedule()
        if isinstance(schedule, str):
            ui.notify(schedule, type="negative", position="top")
            return
        spec = self._opened.job.spec.model_copy(update={"schedule": schedule})
        await save_job(self._visitor, self._opened, spec)


_FIELDS = {
    "every_minutes": ("every_minutes", "missed"),
    "hourly_at": ("hourly_at", "missed"),
    "daily_at": ("time", "missed"),
    "weekly": ("days", "time", "missed"),
    "monthly": ("day", "time", "missed"),
    "cron": ("cron", "missed"),
    "continuous": ("continuous",),
    "after": ("after", "when"),
}


def _values(schedule: ScheduleSpec) -> dict[str, Any]:
    found: dict[str, Any] = {
        "time_zone": schedule.time_zone, "missed": schedule.missed, "enabled": schedule.enabled,
    }  # fmt: skip
    for name in ("every_minutes", "hourly_at", "cron", "continuous"):
        if getattr(schedule, name) is not None:
            found[name] = getattr(schedule, name)
    if schedule.daily_at:
        found["time"] = schedule.daily_at
    if schedule.weekly:
        found |= {"days": list(schedule.weekly.days), "time": schedule.weekly.at}
    if schedule.monthly:
        found |= {"day": schedule.monthly.day, "time": schedule.monthly.at}
    if schedule.after:
        found |= {"after": schedule.after.job, "when": schedule.after.when}
    return found
