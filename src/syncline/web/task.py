"""One task: its columns or query, where they go, how it will run, its first rows, its options."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from fastapi import Request
from nicegui import events, ui

from syncline.control.previewing import Outlook
from syncline.control.project import DeletesSpec, TaskSpec
from syncline.control.usecases.exploring import Mistake, mistake_of, words_for
from syncline.control.usecases.jobs import Job, document, get_job
from syncline.control.usecases.looking import OfferedColumn, offered_columns
from syncline.control.usecases.previewing import ShownRows, task_outlook, task_preview
from syncline.control.usecases.tasks import targets, task_of
from syncline.errors import Missing, RequestRefused, SynclineError
from syncline.web.code import editor, point_at
from syncline.web.frame import heading
from syncline.web.job_action_form import ActionForm
from syncline.web.parts import button, card, empty, heading_2, link_button, note
from syncline.web.rows_view import show_rows
from syncline.web.saving import OpenJob, save_job
from syncline.web.spec_form import SpecForm
from syncline.web.task_columns import ColumnGrid
from syncline.web.task_mapping import MappingTab
from syncline.web.task_parameters import ParameterField
from syncline.web.visitor import Visitor
from syncline.web.wording import many

_PREVIEWED = 100
#: Values that do not fit and are told one by one.
_MISFITS = 5
OPTIONS = (
    "enabled", "into", "write", "key", "replace_by", "columnstore", "schema_changes", "synced_at",
    "allow_empty", "rejects", "start", "window_days", "parallel", "commit_rows", "commit_seconds",
)  # fmt: skip
_HEADINGS = {
    "into": "Target",
    "allow_empty": "Rows",
    "start": "Reading in windows",
    "commit_rows": "Commits",
}
_HINTS = {
    "enabled": "Off: it stays in the job, and is neither run nor added again.",
    "into": "Also schema.table. Default: the name of the source's table.",
    "write": "Merge keeps one row for each key, append adds rows, replace takes the place of all, "
    "history keeps every version.",
    "allow_empty": "Otherwise a source without rows is an error where the target has some.",
    "rejects": "In TARGET_rejects, with the reason, and go on. Otherwise they are an error.",
    "synced_at": "A column that says when the row was last written.",
    "commit_rows": "Commit after so many rows, at the end of the next page …",
    "commit_seconds": "… or after so many seconds, whichever comes first.",
}
#: Those that an existing table has in another place, or not at all.
_OURS = ("write", "key", "columnstore", "schema_changes", "synced_at")
_WRITES = ("merge", "append", "replace", "history")
#: What a hint about a project file says on a page.
_MAP_HERE = "choose on the tab Mapping, leave columns out of the query, or CAST them there"
_TITLES = {
    "enabled": "Run this task",
    "into": "Target table",
    "synced_at": "Add _synced_at",
    "allow_empty": "Believe an empty source",
    "rejects": "Keep rows that do not fit",
    "start": "First day",
    "window_days": "Days in a window",
    "parallel": "Windows at once",
}


async def shown(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    name, task_id = request.path_params["name"], request.path_params["task"]
    try:
        async with visitor.looking() as work:
            job = await get_job(work, name)
        at = job.task_ids.index(task_id)
    except (Missing, ValueError):
        with empty("search_off", "Not found", "There is no such task, or your role hides it."):
            link_button("Back to the Job", f"/jobs/{quote(name)}")
        return
    crumbs = (("Jobs", "/jobs"), (job.name, f"/jobs/{quote(job.name)}"))
    with heading(targets(job)[at], under=f"A task of {job.name}", crumbs=crumbs):
        pass
    await _Page(visitor, job, at).build(request.query_params)


class _Page:
    def __init__(self, visitor: Visitor, job: Job, at: int) -> None:
        self._visitor = visitor
        self._job = job
        self._at = at
        self._task = job.spec.tasks[at]
        self._may = visitor.may("jobs.edit", job.name)
        self._grid: ColumnGrid | None = None
        self._code: ui.codemirror | None = None
        self._parameters: ParameterField | None = None

    async def build(self, given: Mapping[str, str]) -> None:
        first = "Query" if self._task.query else "Columns"
        titles = (first, "Mapping", "Preview", "Options")
        wanted = next((t for t in titles if t.lower() == given.get("tab", "")), first)
        with ui.element("div").classes("beside"):
            with ui.element("div").classes("rows"):
                with ui.tabs().props("no-caps align=left") as tabs:
                    for title in titles:
                        ui.tab(title)
                tabs.on_value_change(self._turned)
                with ui.tab_panels(tabs, value=wanted, animated=False, keep_alive=True):
                    with ui.tab_panel(first), ui.element("section").classes("card"):
                        await (self._show_query() if self._task.query else self._show_columns())
                    with ui.tab_panel("Mapping"), ui.element("section").classes("card"):
                        self._show_mapping()
                    with ui.tab_panel("Preview"), ui.element("section").classes("card"):
                        self._show_preview()
                    with ui.tab_panel("Options"), ui.element("section").classes("card"):
                        self._show_options()
                if self._may:
                    with ui.element("div").classes("row-line"):
                        button("Save Changes", self._save, icon="check", main=True)
                        button("Check", self._check, icon="fact_check")
            with ui.element("div").classes("rows"), card("How it will run"):
                self._outlook = ui.element("div").classes("rows").props("aria-live=polite")
        self._show_ours()
        self._form.point_at(given.get("field", ""))
        if wanted == "Mapping":
            await self._mapping.refresh()
        await self._check()

    async def _turned(self, event: events.ValueChangeEventArguments[Any]) -> None:
        # The columns may have changed on another tab.
        if event.value == "Mapping":
            await self._mapping.refresh()

    def _show_mapping(self) -> None:
        self._mapping = MappingTab(
            self._visitor,
            self._job,
            self._task,
            editable=self._may,
            edited=self._edited,
            changed=self._changed,
            leave_out=self._grid.leave_out if self._grid else None,
            into=lambda table: self._form.fill("into", table),
        )

    async def _changed(self) -> None:
        self._show_ours()
        await self._check()

    def _show_ours(self) -> None:
        self._form.show(_OURS, visible=not self._mapping.existing)

    async def _show_columns(self) -> None:
        offered: tuple[OfferedColumn, ...] = ()
        async with self._visitor.looking() as work:
            offered = await offered_columns(work, self._job.spec.source, self._task.table or "")
        self._grid = ColumnGrid(offered, self._task, editable=self._may)
        with ui.element("div").classes("padded"):
            self._where = ui.input("Filter", value=self._task.where or "")
            self._where.props("outlined stack-label spellcheck=false").classes("mono")
            self._where.props["hint"] = "An SQL condition, such as status = 'Open'."

    async def _show_query(self) -> None:
        async with self._visitor.looking() as work:
            words = await words_for(work, self._job.spec.source)
        with ui.element("div").classes("padded rows"):
            self._code = editor(self._task.query or "", "SQL", label="Query", words=words)
            self._code.style("height:320px")
            self._code.map_key("Mod-Enter", self._check)
            self._code.map_key("Mod-s", self._save)
            ui.label("Ctrl+Space completes, Ctrl+Enter checks, Ctrl+S saves.").classes(
                "muted small"
            )
            self._parameters = ParameterField(self._task.parameters)

    def _show_preview(self) -> None:
        with ui.element("div").classes("tools"):
            button("Load Preview", self._preview, icon="visibility")
            ui.label(
                "The first rows as the source sends them and as the target would get them; "
                "nothing is written."
            ).classes("muted")
        self._rows = ui.element("div").props("aria-live=polite")

    def _show_options(self) -> None:
        deletes = self._task.deletes
        mode, every = (
            (deletes.mode, deletes.every) if isinstance(deletes, DeletesSpec) else (deletes, 1)
        )
        with ui.element("div").classes("padded rows"):
            self._form = SpecForm(
                self._task, OPTIONS, _TITLES,
                choices={"write": _WRITES}, hints=_HINTS, headings=_HEADINGS,
            )  # fmt: skip
            heading_2("Rows deleted at the source")
            chosen = ui.select(
                {
                    "auto": "Delete what a read shows to be gone",
                    "hard": "Look for deleted rows, and delete them",
                    "soft": "Look for deleted rows, and mark them",
                    "ignore": "Never delete",
                },
                value=mode, label="What becomes of them",
            )  # fmt: skip
            self._deletes = chosen.props("outlined stack-label options-dense").classes("form")
            self._every = ui.number("Look for them every so many runs", value=every, precision=0)
            self._every.props("outlined stack-label").classes("form")
            self._every.bind_visibility_from(chosen, "value", lambda v: v in {"hard", "soft"})
            ui.separator()
            hint = "What is done before the task. If it fails, nothing is loaded."
            self._before = ActionForm("Before", hint, self._task.before, after=False, may=self._may)
            hint = "What is done when the task has ended."
            self._after = ActionForm("After", hint, self._task.after, after=True, may=self._may)

    def _edited(self) -> TaskSpec:
        """Return the task as it is on the page. Raises `Invalid`."""
        given: dict[str, Any] = self._form.values | self._mapping.values
        every = int(self._every.value or 1)
        mode = self._deletes.value
        given["deletes"] = mode if every == 1 else {"mode": mode, "every": every}
        given |= {"before": self._before.value or None, "after": self._after.value or None}
        if self._code is not None:
            given["query"] = self._code.value
        if self._parameters is not None:
            given["parameters"] = self._parameters.value
        if self._grid is not None:
            given |= {"columns": self._grid.columns, "where": self._where.value.strip() or None}
        kept = {k: v for k, v in document(self._task).items() if k not in given}
        return task_of(kept | {k: v for k, v in given.items() if v is not None})

    async def _check(self) -> None:
        if self._may:
            await self._visitor.attempt(self._checked)

    async def _checked(self) -> None:
        visitor = self._visitor
        try:
            found = await task_outlook(
                visitor.plane, await visitor.who(), self._job.name, self._edited()
            )
        except RequestRefused:
            raise
        except SynclineError as error:
            self._show_mistake(mistake_of(error))
        else:
            self._show_outlook(found)

    def _show_mistake(self, mistake: Mistake) -> None:
        self._outlook.clear()
        if self._code is not None:
            point_at(self._code, mistake)
        with self._outlook:
            where = f"Line {mistake.line}: " if mistake.line else ""
            hint = _MAP_HERE if "'mapping:" in mistake.hint else mistake.hint
            note(where + mistake.message, kind="bad", hint=hint)

    def _show_outlook(self, found: Outlook) -> None:
        self._outlook.clear()
        if self._code is not None:
            point_at(self._code, None)
        with self._outlook:
            if found.incremental:
                note("Each run reads only what has changed.", kind="good", title="Incremental")
            else:
                note("Each run reads everything.", kind="warn", title="Not incremental")
            how = found.disposition + (f" by {', '.join(found.key)}" if found.key else "")
            ui.label(f"Writes with {how}, {many(found.columns, 'column')}.")
            with ui.element("ul").classes("steps"):
                for text in found.notes:
                    with ui.element("li"):
                        ui.icon("chevron_right").props("aria-hidden=true").classes("muted")
                        ui.label(text[:1].upper() + text[1:]).classes("small")
        form = self._mapping.form if self._mapping.existing else self._form
        if form.values["write"] is None:
            form.name_default("write", f"Automatic ({how})")

    async def _preview(self) -> None:
        self._rows.clear()
        with self._rows, ui.element("div").classes("row-line padded"):
            ui.spinner(size="20px")
            ui.label("Reading the first rows …")
        found: list[ShownRows] = []

        async def look() -> None:
            visitor = self._visitor
            actor = await visitor.who()
            name, task = self._job.name, self._edited()
            found.append(await task_preview(visitor.plane, actor, name, task, limit=_PREVIEWED))

        await self._visitor.attempt(look)
        self._rows.clear()
        with self._rows:
            for shown in found:
                if shown.misfits:
                    told = [*shown.misfits[:_MISFITS], *(["…"] if shown.misfits[_MISFITS:] else [])]
                    title = f"{many(len(shown.misfits), 'value')} of these rows do not fit"
                    with ui.element("div").classes("padded"):
                        note("\n".join(told), kind="warn", title=title)
                self._show_rows(shown)

    def _show_rows(self, shown: ShownRows) -> None:
        with ui.tabs().props('no-caps align=left dense aria-label="Rows"') as sides:
            for title in ("After", "Before"):
                ui.tab(title)
        columns = [(column.name, column.type) for column in shown.columns]
        with ui.tab_panels(sides, value="After", animated=False):
            with ui.tab_panel("After"):
                show_rows(columns, shown.rows, label="As the target gets them")
            with ui.tab_panel("Before"):
                before = [(column.name, column.type) for column in shown.before_columns]
                show_rows(before, shown.before, label="As the source sends them")
        if self._grid is not None:
            self._grid.show_samples([name for name, _ in columns], shown.rows)

    async def _save(self) -> None:
        await self._visitor.attempt(self._saved)

    async def _saved(self) -> None:
        tasks = self._job.spec.tasks
        whole = (*tasks[: self._at], self._edited(), *tasks[self._at + 1 :])
        spec = self._job.spec.model_copy(update={"tasks": whole})
        opened = OpenJob(self._job)
        if await save_job(self._visitor, opened, spec):
            saved = self._job = opened.job
            self._task = saved.spec.tasks[self._at]
            # A task that writes to another table is another one.
            here = f"/jobs/{quote(saved.name)}/tasks/{saved.task_ids[self._at]}"
            ui.run_javascript(f"history.replaceState(null, '', {json.dumps(here)})")
            await self._check()
