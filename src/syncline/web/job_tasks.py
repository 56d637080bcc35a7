"""The tasks of a job: added by table or as a query, switched, moved, deleted."""

from functools import partial
from urllib.parse import quote

from nicegui import events, ui

from syncline.control.project import DeletesSpec, TaskSpec
from syncline.control.usecases.jobs import Job, get_job
from syncline.control.usecases.looking import offered_tables
from syncline.control.usecases.tasks import (
    add_tables,
    add_task,
    delete_tasks,
    enable_tasks,
    move_task,
    targets,
    task_of,
)
from syncline.web.parts import (
    answered,
    answers,
    asking,
    button,
    confirmed,
    empty,
    heading_2,
    name_checkboxes,
)
from syncline.web.saving import OpenJob
from syncline.web.tables import TableChoice
from syncline.web.visitor import Visitor, done
from syncline.web.wording import many

_COLUMNS = [
    {"name": "target", "label": "Task", "field": "target", "align": "left"},
    {"name": "reads", "label": "Reads", "field": "reads", "align": "left"},
    {"name": "write", "label": "Writes", "field": "write", "align": "left"},
    {"name": "enabled", "label": "On", "field": "enabled", "align": "left"},
    {"name": "actions", "label": "", "field": "key", "align": "right"},
]
#: As many tasks need no search.
_FEW = 8
_TARGET = """
<q-td :props="props" class="is-first wraps"><a class="cell-link" :href="props.row.url">
{{ props.value }}</a></q-td>
"""
_TEXT = """
<q-td :props="props" data-label="%s" class="wraps"><span>{{ props.value }}</span></q-td>
"""
_ENABLED = """
<q-td :props="props" data-label="On" class="is-narrow">
<q-toggle dense :model-value="props.value" :disable="!props.row.editable"
 :aria-label="'Switch of ' + props.row.target"
 @update:model-value="on => $parent.$parent.$emit('switch', {key: props.row.key, on: on})">
</q-toggle>
</q-td>
"""
_ACTIONS = """
<q-td :props="props" class="is-actions is-narrow"><template v-if="props.row.editable">
<q-btn flat round dense icon="arrow_upward" :disable="props.row.at === 0"
 :aria-label="'Move up ' + props.row.target"
 @click="$parent.$parent.$emit('move', {key: props.row.key, to: props.row.at - 1})"></q-btn>
<q-btn flat round dense icon="delete" :aria-label="'Delete ' + props.row.target"
 @click="$parent.$parent.$emit('remove',
   {key: props.row.key, target: props.row.target})"></q-btn>
</template></q-td>
"""


async def build(visitor: Visitor, opened: OpenJob, query: str = "") -> None:
    """Build the tab. ``query``: SQL that is to become a task; it is asked for the rest."""
    part = _Part(visitor, opened)
    with ui.element("section").classes("card") as part.card:
        part.show()
    if query and visitor.may("jobs.edit", opened.job.name):
        ui.timer(0, lambda: part.add_query(query), once=True)


class _Part:
    card: ui.element
    _table: ui.table
    _many: ui.element
    _counted: ui.label

    def __init__(self, visitor: Visitor, opened: OpenJob) -> None:
        self._visitor = visitor
        self._opened = opened
        self._may = visitor.may("jobs.edit", opened.job.name)
        self._word = ""

    @property
    def _job(self) -> Job:
        return self._opened.job

    def show(self) -> None:
        with ui.element("div").classes("tools") as tools:
            search = self._search() if len(self._job.spec.tasks) > _FEW else None
            tools.set_visibility(self._may or search is not None)
            if self._may:
                button("Add Tables", self._add_tables, icon="add")
                button("Add Custom Query", self.add_query, icon="code")
                self._show_many()
        if not self._job.spec.tasks:
            with empty("table_rows", "No tasks yet", "Each task keeps one table or query."):
                pass
            return
        table = self._table = ui.table(
            rows=self._rows(), columns=_COLUMNS, row_key="key", pagination=0,
            selection="multiple" if self._may else None,
        )  # fmt: skip
        table.classes("listing tall").props("flat hide-bottom virtual-scroll")
        name_checkboxes(table, "target")
        table.on_select(lambda _: self._count())
        if search is not None:
            table.set_filter(self._word)
            search.on_value_change(self._narrow)
        table.add_slot("body-cell-target", _TARGET)
        table.add_slot("body-cell-reads", _TEXT % "Reads")
        table.add_slot("body-cell-write", _TEXT % "Writes")
        table.add_slot("body-cell-enabled", _ENABLED)
        table.add_slot("body-cell-actions", _ACTIONS)
        table.on("switch", self._switch)
        table.on("move", self._move)
        table.on("remove", self._remove)

    def _search(self) -> ui.input:
        search = ui.input(value=self._word, placeholder="Search tasks").classes("grow search")
        search.props('outlined dense clearable type=search aria-label="Search tasks"')
        with search.add_slot("prepend"):
            ui.icon("search").props("aria-hidden=true")
        return search

    def _narrow(self, event: events.ValueChangeEventArguments[str | None]) -> None:
        # What is shown anew is narrowed as before.
        self._word = event.value or ""
        self._table.set_filter(self._word)

    def _show_many(self) -> None:
        """Show what can be done with the tasks that are ticked."""
        with ui.element("div").classes("row-line") as self._many:
            self._counted = ui.label().classes("muted")
            button("Switch On", partial(self._switch_all, on=True), icon="toggle_on")
            button("Switch Off", partial(self._switch_all, on=False), icon="toggle_off")
            button("Delete", self._remove_all, icon="delete")
        self._many.visible = False

    def _count(self) -> None:
        count = len(self._table.selected)
        self._many.visible = count > 0
        self._counted.text = f"{count} selected"

    @property
    def _ticked(self) -> list[str]:
        return [str(row["key"]) for row in self._table.selected]

    async def _switch_all(self, *, on: bool) -> None:
        keys = self._ticked

        async def switch() -> None:
            async with self._visitor.changing() as work:
                await enable_tasks(work, self._job.name, keys, enabled=on)

        if await self._visitor.attempt(switch):
            done(f"{many(len(keys), 'task')} switched {'on' if on else 'off'}")
            await self._again()

    async def _remove_all(self) -> None:
        keys = self._ticked
        text = "They are taken out of the job. Their tables in the destination stay as they are."
        if not await confirmed(f"Delete {many(len(keys), 'task')}?", text, "Delete Tasks"):
            return

        async def delete() -> None:
            async with self._visitor.changing() as work:
                await delete_tasks(work, self._job.name, keys)

        if await self._visitor.attempt(delete):
            done(f"{many(len(keys), 'task')} deleted")
            await self._again()

    def _rows(self) -> list[dict[str, object]]:
        job = self._job
        parts = zip(job.task_ids, targets(job), job.spec.tasks, strict=True)
        return [
            {
                "key": key,
                "at": at,
                "target": target,
                "url": f"/jobs/{quote(job.name)}/tasks/{key}",
                "reads": reads(task),
                "write": writes(task),
                "enabled": task.enabled,
                "editable": self._may,
            }
            for at, (key, target, task) in enumerate(parts)
        ]

    async def _again(self) -> None:
        async with self._visitor.looking() as work:
            self._opened.put(await get_job(work, self._job.name))
        self.card.clear()
        with self.card:
            self.show()

    async def _switch(self, event: events.GenericEventArguments) -> None:
        async def switch() -> None:
            async with self._visitor.changing() as work:
                await enable_tasks(
                    work, self._job.name, [event.args["key"]], enabled=event.args["on"]
                )

        await self._visitor.attempt(switch)
        await self._again()

    async def _move(self, event: events.GenericEventArguments) -> None:
        async def move() -> None:
            async with self._visitor.changing() as work:
                await move_task(work, self._job.name, event.args["key"], event.args["to"])

        await self._visitor.attempt(move)
        await self._again()

    async def _remove(self, event: events.GenericEventArguments) -> None:
        target = event.args["target"]
        text = "The task is taken out of the job. Its table in the destination stays as it is."
        if not await confirmed(f"Delete the task {target}?", text, "Delete Task"):
            return

        async def delete() -> None:
            async with self._visitor.changing() as work:
                await delete_tasks(work, self._job.name, [event.args["key"]])

        if await self._visitor.attempt(delete):
            done(f"{target} is deleted")
            await self._again()

    async def _add_tables(self) -> None:
        source = self._job.spec.source

        async def show() -> None:
            async with self._visitor.looking() as work:
                tables = await offered_tables(work, source)
            known = frozenset(t.table.lower() for t in self._job.spec.tasks if t.table)
            with ui.dialog() as dialog, ui.card().style("width:860px"):
                with ui.element("div").classes("card-head w-full"):
                    heading_2(f"Add Tables of {source}")
                with ui.element("div").classes("w-full"):
                    choice = TableChoice(self._visitor, source, tables, known=known)
                with ui.element("div").classes("row-line padded").style("margin-left:auto"):
                    button("Cancel", lambda: dialog.submit([]))
                    button("Add Selected Tables", lambda: dialog.submit(choice.chosen), main=True)
            chosen = await dialog
            dialog.delete()
            if chosen:
                async with self._visitor.changing() as work:
                    await add_tables(work, self._job.name, chosen)
                done(f"{many(len(chosen), 'task')} added")
                await self._again()

        await self._visitor.attempt(show)

    async def add_query(self, query: str = "") -> None:
        """Ask for a query and the table that it goes into."""
        with asking("Add Custom Query") as dialog:
            into = ui.input("Target table *", placeholder="OpenMatters")
            into.props("outlined stack-label autofocus")
            sql = ui.textarea(
                "Query *", value=query, placeholder="SELECT id, display_number FROM Matters"
            )
            sql.props("outlined stack-label rows=8 spellcheck=false").classes("mono")
            answers(dialog, "Cancel", "Add Query", lambda: (into.value, sql.value))
        given = await answered(dialog)
        if not given:
            return

        async def add() -> None:
            task = task_of({"into": given[0].strip() or None, "query": given[1].strip() or None})
            async with self._visitor.changing() as work:
                await add_task(work, self._job.name, task)

        if await self._visitor.attempt(add):
            await self._again()


def reads(task: TaskSpec) -> str:
    """Return what a task reads, in a few words."""
    if task.query:
        text = " ".join(task.query.split())
        return text if len(text) <= 80 else f"{text[:79]}…"  # noqa: PLR2004 (a line)
    chosen = f", {many(len(task.columns), 'column')}" if task.columns else ""
    where = f", where {task.where}" if task.where else ""
    return f"{task.table}{chosen}{where}"


def writes(task: TaskSpec) -> str:
    """Return how a task writes, in a few words."""
    mode = task.deletes.mode if isinstance(task.deletes, DeletesSpec) else task.deletes
    parts: list[str] = [task.write or ("insert" if task.existing else "automatic")]
    if mode != "auto":
        parts.append(f"deletes {mode}")
    if task.existing:
        parts.append("existing table")
    return ", ".join(parts)
