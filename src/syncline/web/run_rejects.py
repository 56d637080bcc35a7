"""The rows that a task of a run has rejected: why, mended by hand, sent again."""

import json
from functools import partial
from typing import Any

from nicegui import events, ui

from syncline.control.runs import Run, TaskRun
from syncline.control.usecases.rejects import RejectedRows, see_rejects, send_rejects
from syncline.errors import Invalid
from syncline.model.batch import Json
from syncline.web.parts import (
    answered,
    answers,
    asking,
    button,
    empty,
    heading_2,
    link_button,
    name_checkboxes,
    note,
)
from syncline.web.visitor import Visitor, done, tell
from syncline.web.wording import day_and_time, many

_SHOWN = 200
_COLUMNS = [
    {"name": name, "label": label, "field": name, "align": "left"}
    for name, label in (
        ("reason", "Reason"), ("record", "Row"), ("at", "Rejected"), ("actions", ""),
    )
]  # fmt: skip
_SLOTS = {
    "reason": """
<q-td :props="props" class="is-first wraps"><div><span class="cell-link">{{ props.value }}</span>
<span class="cell-under">{{ props.row.column }}</span></div></q-td>""",
    "record": """
<q-td :props="props" class="wraps row-text"><span class="mono">{{ props.value }}</span>
</q-td>""",
    "at": """
<q-td :props="props" data-label="Rejected" class="is-narrow"><span class="muted number">
{{ props.value }}</span></q-td>""",
    "actions": """
<q-td :props="props" class="is-actions is-narrow"><q-btn v-if="props.row.sendable" flat round dense
 icon="edit" :aria-label="'Mend row ' + (props.row.at_index + 1)"
 @click="$parent.$emit('mend', props.row.key)"><q-tooltip>Mend and send</q-tooltip>
</q-btn></q-td>""",
}


class RejectCard:
    """The rejected rows of one task run."""

    def __init__(self, visitor: Visitor, run: Run, task: TaskRun, task_path: str) -> None:
        """Build the card. ``task_path``: the address of the task's page."""
        self._visitor = visitor
        self._run = run
        self._task = task
        #: There are more than are shown.
        self._cut = False
        self._rows: dict[str, str] = {}
        self._reasons: dict[str, str] = {}
        with ui.element("section").classes("card"):
            with ui.element("div").classes("card-head"):
                heading_2(f"Rejected rows of {task.target}")
                link_button("Change the Mapping", f"{task_path}?tab=mapping", icon="rule")
                self._send = button("Send All Again", self._send_chosen, icon="replay")
            self._place = ui.element("div").props("aria-live=polite")
        self._table: ui.table | None = None
        self._send.set_visibility(False)

    def load(self) -> None:
        """Read the rows from the destination, which may take a while."""
        with self._place, ui.element("div").classes("row-line padded"):
            ui.spinner(size="20px")
            ui.label("Reading the rejected rows …")
            ui.timer(0, self._refresh, once=True)

    async def _refresh(self) -> None:
        found: list[RejectedRows] = []

        async def look() -> None:
            visitor = self._visitor
            actor, number = await visitor.who(), self._task.number
            found.append(
                await see_rejects(visitor.plane, actor, self._run.id, number, limit=_SHOWN)
            )

        await self._visitor.attempt(look)
        self._table = None
        self._place.clear()
        with self._place:
            if not found:
                with empty("cloud_off", "Not there now", "The rejected rows could not be read."):
                    button("Try Again", self._refresh)
                return
            self._show(found[0])

    def _show(self, found: RejectedRows) -> None:
        self._rows = {row.id: row.record for row in found.rows if row.id}
        self._reasons = {row.id: row.reason for row in found.rows if row.id}
        self._send.set_visibility(bool(self._rows))
        self._cut = found.total > len(found.rows)
        self._chose()
        if not found.total:
            with empty("task_alt", "All sent", f"No row of this run is left in {found.table}."):
                pass
            return
        first = f"The first {len(found.rows)} of " if self._cut else ""
        kept = f"{first}{many(found.total, 'row')} in {found.table}"
        ui.label(kept).classes("muted small padded-line")
        visitor = self._visitor
        rows: list[dict[str, Any]] = [
            {
                "key": row.id or f"old {n}", "at_index": n, "sendable": row.id is not None,
                "reason": row.reason, "column": row.column or "the whole row",
                "record": row.record,
                "at": day_and_time(row.rejected_at, visitor.now, visitor.zone),
            }
            for n, row in enumerate(found.rows)
        ]  # fmt: skip
        table = ui.table(
            rows=rows, columns=_COLUMNS, row_key="key", pagination=0, selection="multiple",
            on_select=self._chose,
        )  # fmt: skip
        table.classes("listing tall").props("flat hide-bottom")
        name_checkboxes(table, "reason")
        for name, slot in _SLOTS.items():
            table.add_slot(f"body-cell-{name}", slot)
        table.on("mend", self._mend)
        self._table = table

    def _chose(self) -> None:
        chosen = len(self._chosen())
        those = f"These {len(self._rows)}" if self._cut else "All"
        self._send.text = f"Send {many(chosen, 'Row')} Again" if chosen else f"Send {those} Again"

    def _chosen(self) -> list[str]:
        selected = self._table.selected if self._table else []
        return [row["key"] for row in selected if row["sendable"]]

    async def _send_chosen(self) -> None:
        chosen = self._chosen() or list(self._rows)
        await self._sent(dict.fromkeys(chosen))

    async def _mend(self, event: events.GenericEventArguments) -> None:
        key = str(event.args)
        text = _pretty(self._rows[key])
        while True:
            with asking("Mend the Row") as dialog:
                note(self._reasons[key], kind="warn")
                code = ui.textarea("Row", value=text).classes("mono w-full")
                code.props("outlined stack-label autogrow autofocus spellcheck=false")
                answers(dialog, "Cancel", "Send Again", partial(getattr, code, "value"))
            text = await answered(dialog)
            if text is None:
                return
            try:
                row = _row(text)
            except Invalid as error:
                tell(error)
            else:
                break
        await self._sent({key: row})

    async def _sent(self, rows: dict[str, dict[str, Json] | None]) -> None:
        async def send() -> None:
            visitor = self._visitor
            actor, number = await visitor.who(), self._task.number
            sent = await send_rejects(visitor.plane, actor, self._run.id, number, rows)
            if sent.written:
                done(f"{many(sent.written, 'row')} written to {self._task.target}")
            if sent.rejected:
                ui.notify(
                    f"{many(sent.rejected, 'row')} did not fit again; see the reasons",
                    type="warning", position="top",
                )  # fmt: skip

        await self._visitor.attempt(send)
        await self._refresh()


def _pretty(record: str) -> str:
    try:
        return json.dumps(json.loads(record), indent=2, ensure_ascii=False)
    except ValueError:
        return record


def _row(text: str) -> dict[str, Json]:
    try:
        row = json.loads(text)
    except ValueError as error:
        raise Invalid(f"this is no JSON: {error}", hint="mend the text") from None
    if not isinstance(row, dict):
        raise Invalid("this is no row", hint='write {"column": value, …}')
    return row
