"""The alerts of a job: what is told, and to which channels."""

from typing import Any

from nicegui import ui

from syncline.control.alert_specs import AlertSpec
from syncline.control.paging import LONGEST, Wanted
from syncline.control.usecases.channels import list_channels
from syncline.control.usecases.jobs import job_of
from syncline.web.parts import button, empty, link_button
from syncline.web.saving import OpenJob, save_job
from syncline.web.visitor import Visitor

_WHEN = {
    "failure": "A run has failed",
    "success": "A run has succeeded",
    "no_rows": "A run has changed nothing",
    "row_drop": "Far fewer rows than usual",
    "late": "A run is late",
}
_NUMBERS = {
    "row_drop": ("percent", "Fewer rows, in percent", 50.0, 1, 100,
                 "Than the median of the last ten runs."),
    "late": ("minutes", "Minutes after the planned start", 30.0, 1, 44640,
             "If no run has ended until then."),
}  # fmt: skip


async def build(visitor: Visitor, opened: OpenJob) -> None:
    """Build the tab."""
    names: list[str] = []
    if visitor.may("settings.view"):
        async with visitor.looking() as work:
            names = [c.name for c in (await list_channels(work, Wanted(limit=LONGEST))).items]
    part = _Part(visitor, opened, names)
    with ui.element("section").classes("card"), ui.element("div").classes("padded rows"):
        part.show()


class _Part:
    def __init__(self, visitor: Visitor, opened: OpenJob, channels: list[str]) -> None:
        self._visitor = visitor
        self._opened = opened
        job = opened.job
        self._may = visitor.may("jobs.edit", job.name)
        named = [c for alert in job.spec.alerts for c in alert.channels]
        known = {c.lower(): c for c in channels}
        self._channels = [*channels, *(c for c in dict.fromkeys(named) if c.lower() not in known)]
        # One may have been written in other letters than the channel's own.
        self._alerts: list[dict[str, Any]] = [
            {**_plain(alert), "channels": [known.get(c.lower(), c) for c in alert.channels]}
            for alert in job.spec.alerts
        ]

    def show(self) -> None:
        if not self._channels:
            with empty("notifications", "No channels yet", "Alerts are told to channels: mail, "
                       "Slack, Teams, web hooks."):  # fmt: skip
                if self._visitor.may("settings.edit"):
                    link_button("Add Channel", "/settings?tab=notifications", icon="add", main=True)
                else:
                    ui.label("Ask an administrator to add one.").classes("muted")
            return
        self._list = ui.element("div").classes("rows")
        self._show_alerts()
        if self._may:
            with ui.element("div").classes("row-line"):
                button("Add Alert", self._add, icon="add")
                button("Save Changes", self._save, icon="check", main=True)

    def _show_alerts(self) -> None:
        self._list.clear()
        with self._list:
            if not self._alerts:
                ui.label("Nobody is told about the runs of this job.").classes("muted")
            for number, alert in enumerate(self._alerts, 1):
                group = (
                    ui.element("div")
                    .classes("rows")
                    .props(f'role=group aria-label="Alert {number}"')
                )
                with group:
                    self._show_alert(alert)
                ui.separator()

    def _show_alert(self, alert: dict[str, Any]) -> None:
        with ui.element("div").classes("fields"):
            when = ui.select(_WHEN, value=alert["when"], label="When")
            when.props("outlined stack-label options-dense")
            when.on_value_change(lambda e: self._choose(alert, str(e.value)))
            channels = ui.select(
                self._channels, value=alert["channels"], label="Tell", multiple=True
            ).props("outlined stack-label options-dense use-chips")
            channels.on_value_change(lambda e: alert.update(channels=list(e.value or ())))
            if alert["when"] in _NUMBERS:
                name, label, _, least, most, hint = _NUMBERS[alert["when"]]
                number = ui.number(label, value=alert[name], min=least, max=most)
                number.props("outlined stack-label")
                number.props["hint"] = hint
                number.on_value_change(lambda e: alert.update({name: e.value}))
        if self._may:
            with ui.element("div").classes("row-line"):
                button("Remove", lambda: self._remove(alert), icon="delete")

    def _choose(self, alert: dict[str, Any], when: str) -> None:
        kept = {"when": when, "channels": alert["channels"]}
        alert.clear()
        alert.update(kept)
        if when in _NUMBERS:
            name, _, usual, *_ = _NUMBERS[when]
            alert[name] = usual
        self._show_alerts()

    def _add(self) -> None:
        self._alerts.append({"when": "failure", "channels": self._channels[:1]})
        self._show_alerts()

    def _remove(self, alert: dict[str, Any]) -> None:
        self._alerts = [kept for kept in self._alerts if kept is not alert]
        self._show_alerts()

    async def _save(self) -> None:
        await self._visitor.attempt(self._saved)

    async def _saved(self) -> None:
        spec = job_of({**self._opened.job.document, "alerts": self._alerts})
        await save_job(self._visitor, self._opened, spec)


def _plain(alert: AlertSpec) -> dict[str, Any]:
    return alert.model_dump(mode="json", exclude_none=True)
