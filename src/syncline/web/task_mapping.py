"""Into an existing table: which column goes where, what is wrong with it, and how rows meet."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import events, ui

from syncline.control.mapping import MappedColumn, TargetColumn, TaskMapping
from syncline.control.project import TaskSpec
from syncline.control.usecases.jobs import Job
from syncline.control.usecases.previewing import task_mapping
from syncline.web.parts import button, empty, heading_2, note
from syncline.web.spec_form import SpecForm
from syncline.web.visitor import Visitor

#: Settings of a task that only an existing table has; ``write`` and ``key`` stand here then.
SETTINGS = (
    "write", "key", "batch_size", "timeout", "identity_insert", "on_error", "on_truncation",
)  # fmt: skip
WRITES = ("insert", "update", "upsert", "delete", "replace")
_TITLES = {
    "batch_size": "Batch size",
    "timeout": "Timeout in seconds",
    "identity_insert": "Write the identity column",
    "on_error": "Rows that do not fit",
    "on_truncation": "Texts that are too long",
}
_HINTS = {"write": "Insert adds every row, replace takes the place of all, the others go by key. "
          "Default: insert."}  # fmt: skip
_LEAVE = "\x00leave"
_REFOCUS = """
setTimeout(() => {
  const place = document.querySelector(%s)?.closest('.q-select');
  const elsewhere = document.activeElement?.closest('.q-field, button, a');
  if (!elsewhere) place?.querySelector('input')?.focus();
}, 150)
"""
_MADE = {
    "default": "gets its default",
    "identity": "is numbered by the database",
    "expression": "is computed by the database",
    "": "stays empty",
}
#: A column of the query is dropped onto a column of the table, whether that is taken or not.
_DROP = """
 :data-drop="props.row.editable ? props.value : undefined"
 @dragover="e => { if (props.row.editable && props.value) { e.preventDefault();
   e.currentTarget.classList.add('dropping'); } }"
 @dragleave="e => e.currentTarget.classList.remove('dropping')"
 @drop="e => { e.preventDefault(); e.currentTarget.classList.remove('dropping');
   $parent.$parent.$emit('drop-on',
     {column: e.dataTransfer.getData('text/plain'), to: props.value}); }"
"""
_SLOTS = {
    "column": """
<q-td :props="props" class="is-first wraps"><div :class="{'is-dragged': props.row.drags}"
 :draggable="props.row.drags" @dragstart="e => { e.dataTransfer.effectAllowed = 'link';
   e.dataTransfer.setData('text/plain', props.row.column); }">
<q-icon v-if="props.row.drags" name="drag_indicator" size="18px" aria-hidden="true"></q-icon>
<div><span :class="props.value ? 'cell-link' : 'muted'">
{{ props.value || 'nothing' }}</span><span class="cell-under">{{ props.row.type }}</span>
</div></div></q-td>""",
    "target": f'<q-td :props="props" data-label="Goes to" {_DROP}>'
    """<q-select v-if="props.row.source" dense outlined
 options-dense emit-value map-options hide-bottom-space class="mapping-choice"
 :model-value="props.value" :options="props.col.options" :disable="!props.row.drags"
 :display-value="props.value ? undefined : 'nowhere'" :error="props.row.kind === 'bad'"
 :aria-label="'Column that takes ' + props.row.column"
 @update:model-value="v => $parent.$parent.$emit('choose', {column: props.row.column, to: v})">
</q-select><div v-else><span class="cell-link">{{ props.value }}</span>
<span class="cell-under">{{ props.row.target_type }}</span></div></q-td>""",
    "says": """
<q-td :props="props" class="wraps" data-label="" :class="{'is-empty': !props.value}">
<span :class="props.row.kind || 'muted'" :role="props.row.kind ? 'alert' : undefined">
<q-icon v-if="props.row.kind" name="error" size="18px" aria-hidden="true"></q-icon>
{{ props.value }}</span></q-td>""",
}


class MappingTab:
    """The switch, the columns beside each other, and the settings of an existing table."""

    def __init__(
        self,
        visitor: Visitor,
        job: Job,
        task: TaskSpec,
        *,
        editable: bool,
        edited: Callable[[], TaskSpec],
        changed: Callable[[], Awaitable[None]],
        leave_out: Callable[[str], None] | None,
        into: Callable[[str], None],
    ) -> None:
        """Build it. ``edited``: the task as it is on the page; ``changed``: it is another one now.

        ``leave_out``: of a task over a table, takes a column out; ``into``: names the target.
        """
        self._visitor = visitor
        self._job = job
        self._editable = editable
        self._edited = edited
        self._changed = changed
        self._leave_out = leave_out
        self._into = into
        self._chosen = dict(task.mapping)
        self._asked = 0
        #: The table is shown, not chosen.
        self._quiet = False
        self._grid: ui.table | None = None
        self._columns: tuple[MappedColumn, ...] = ()
        self._targets: tuple[TargetColumn, ...] = ()
        with ui.element("div").classes("tools"):
            self._switch = ui.switch("The table is there already", value=task.existing)
            self._switch.set_enabled(editable)
            self._switch.on_value_change(self._switched)
            self._table = ui.select([], with_input=True, label="Existing table")
            self._table.props("outlined dense options-dense").style("flex:1 1 160px;min-width:0")
            self._table.on_value_change(self._picked)
            self._match = button("Match by Name", self._by_name, icon="join_inner")
        self._place = ui.element("div").props("aria-live=polite")
        self._settings = ui.element("div").classes("padded rows")
        with self._settings:
            heading_2("How rows are written")
            self._form = SpecForm(task, SETTINGS, _TITLES, choices={"write": WRITES}, hints=_HINTS)
        self._show_state()

    @property
    def form(self) -> SpecForm:
        """The fields below the columns."""
        return self._form

    @property
    def existing(self) -> bool:
        """The target is there already."""
        return bool(self._switch.value)

    @property
    def values(self) -> dict[str, Any]:
        """Settings as a project file has them; None: back to the default."""
        if not self.existing:
            gone = dict.fromkeys(SETTINGS[2:])
            return {**gone, "existing": False, "mapping": None}
        return {**self._form.values, "existing": True, "mapping": self._chosen or None}

    async def refresh(self) -> None:
        """Compare the columns anew."""
        if not self.existing or not self._editable:
            return
        found: list[TaskMapping] = []
        self._asked += 1
        mine = self._asked

        async def look() -> None:
            visitor = self._visitor
            actor, task = await visitor.who(), self._edited()
            found.append(await task_mapping(visitor.plane, actor, self._job.name, task))

        await self._visitor.attempt(look)
        # Whoever clicks quickly gets the last answer, not the slowest.
        if mine == self._asked and found:
            self._show(found[0])

    def _show_state(self) -> None:
        for part in (self._table, self._match, self._settings):
            part.set_visibility(self.existing)
        self._grid = None
        self._place.clear()
        if self.existing:
            return
        with (
            self._place,
            empty(
                "table_chart", "Syncline makes the table",
                "It makes the target and adds columns to it as the source moves. Switch this on "
                "to write into a table that is there and stays as it is.",
            ),
        ):  # fmt: skip
            pass

    async def _switched(self) -> None:
        self._show_state()
        await self._again()

    async def _picked(self, event: events.ValueChangeEventArguments[str | None]) -> None:
        if event.value and not self._quiet:
            self._into(event.value)
            await self._again()

    async def _again(self) -> None:
        await self.refresh()
        await self._changed()

    async def _by_name(self) -> None:
        """Map columns that go nowhere and whose names differ only in signs and spaces."""
        by_name = {_plain(t.name): t.name for t in self._targets if t.made_by != "expression"}
        for column in self._columns:
            target = by_name.get(_plain(column.name))
            if target and column.target is None:
                self._chosen[column.name] = target
        await self._again()

    async def _dropped(self, event: events.GenericEventArguments) -> None:
        """Map a column that was dropped; the one that went there takes its place."""
        name, target = str(event.args["column"]), str(event.args["to"])
        goes = {column.name: column.target for column in self._columns}
        if name not in goes or goes[name] == target:
            return
        other = next((column for column, to in goes.items() if to == target), None)
        if other is not None:
            self._chosen = {k: v for k, v in self._chosen.items() if k.lower() != other.lower()}
            if goes[name]:
                self._chosen[other] = goes[name] or ""
        self._map(name, target)
        await self._again()

    def _map(self, name: str, target: str) -> None:
        self._chosen = {k: v for k, v in self._chosen.items() if k.lower() != name.lower()}
        if target and target.lower() != name.lower():
            self._chosen[name] = target

    async def _choose(self, event: events.GenericEventArguments) -> None:
        name, target = event.args["column"], event.args["to"]
        if target == _LEAVE and self._leave_out is not None:
            self._map(name, "")
            self._leave_out(name)
        else:
            self._map(name, target)
        await self._again()
        # The rows were drawn anew, and the keyboard is to stay where it was.
        place = json.dumps(f"[aria-label={json.dumps('Column that takes ' + name)}]")
        ui.run_javascript(_REFOCUS % place)

    def _show(self, found: TaskMapping) -> None:
        self._columns, self._targets = found.columns, found.targets
        into = (self._edited().into or "").lower()
        here = next((table for table in found.tables if table.lower() == into), None)
        self._quiet = True
        self._table.set_options(list(found.tables), value=here)
        self._quiet = False
        if not found.exists:
            self._grid = None
            self._place.clear()
            with self._place, empty(
                "search_off", "There is no such table",
                f"Choose a table of the destination; the schema {found.schema_name} is looked "
                "in unless you name another.",
            ):  # fmt: skip
                pass
            return
        if self._grid is None:
            self._place.clear()
            with self._place:
                ui.label("Drag a column onto the one that takes it, or choose.").classes(
                    "muted small padded-line"
                )
                self._notes = ui.element("div")
                self._grid = ui.table(rows=[], row_key="key", pagination=0)
            self._grid.classes("listing tall mapping").props("flat hide-bottom virtual-scroll")
            for name, slot in _SLOTS.items():
                self._grid.add_slot(f"body-cell-{name}", slot)
            self._grid.on("choose", self._choose)
            self._grid.on("drop-on", self._dropped)
        self._notes.clear()
        with self._notes:
            for problem in found.problems:
                note(problem, kind="bad")
        columns, rows = self._shown_columns(found), _rows(found, editable=self._editable)
        if columns != self._grid.columns:
            self._grid.columns = columns
        if rows != self._grid.rows:
            self._grid.rows = rows

    def _shown_columns(self, found: TaskMapping) -> list[dict[str, Any]]:
        choices = [{"label": "By equal name", "value": ""}]
        if self._leave_out is not None:
            choices.append({"label": "Leave it out", "value": _LEAVE})
        choices += [
            {"label": f"{target.name} · {target.type}", "value": target.name}
            for target in found.targets
            if target.made_by != "expression"
        ]
        return [
            {"name": "column", "label": "Column of the query", "field": "column", "align": "left"},
            {"name": "target", "label": "Goes to", "field": "target", "align": "left",
             "options": choices},
            {"name": "says", "label": "", "field": "says", "align": "left"},
        ]  # fmt: skip


def _rows(found: TaskMapping, *, editable: bool) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "key": f"column {column.name}", "source": True, "column": column.name,
            "type": column.type, "target": column.target or "",
            "says": "; ".join(column.problems), "kind": "bad" if column.problems else "",
            "editable": editable, "drags": editable,
        }
        for column in found.columns
    ]  # fmt: skip
    # What stands in the way comes before what is only good to know.
    left = [t for t in found.targets if not t.taken or t.problems]
    left.sort(key=lambda target: not target.problems)
    return rows + [_left(target, editable=editable) for target in left]


def _left(target: TargetColumn, *, editable: bool) -> dict[str, Any]:
    return {
        "key": f"target {target.name}", "source": False, "column": "", "type": "",
        "target": target.name, "target_type": target.type,
        "says": "; ".join(target.problems) or _MADE[target.made_by],
        "kind": "bad" if target.problems else "", "drags": False,
        "editable": editable and target.made_by != "expression",
    }  # fmt: skip


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
