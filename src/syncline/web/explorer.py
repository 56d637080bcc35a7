"""The explorer: SQL against any connection, to look and never to change."""

import asyncio
import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from fastapi import Request
from nicegui import events, ui

from syncline.control.paging import LONGEST, Wanted
from syncline.control.usecases.connections import list_connections
from syncline.control.usecases.exploring import Rows, explore, mistake_of, words_for
from syncline.control.usecases.job_list import list_jobs
from syncline.errors import Invalid, QueryError, SynclineError
from syncline.model.type_names import told_type
from syncline.web.code import editor, point_at
from syncline.web.frame import heading
from syncline.web.parts import (
    answered,
    answers,
    asking,
    button,
    empty,
    heading_2,
    link_button,
    note,
)
from syncline.web.rows_view import show_rows
from syncline.web.visitor import Visitor

_LIMITS = {n: f"{n:,} rows" for n in (100, 1000, 10_000, 100_000)}
#: Rows that the grid shows; files have all.
_GRID = 1000
_EXAMPLES = {
    "api": "SELECT TableName FROM sys_tables",
    "": "SELECT table_schema, table_name FROM information_schema.tables",
}
_CHARTED = 200
_FORMS: Mapping[str, Callable[[pa.Table, io.BytesIO], None]] = {
    "CSV": pa.csv.write_csv,
    "Parquet": pa.parquet.write_table,
}


async def shown(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    with heading("Explorer", under="Look into any connection with SQL; nothing is ever changed."):
        pass
    if not visitor.may("connections.edit"):
        note("Your role does not allow to look into connections.", hint="ask an administrator")
        return
    async with visitor.looking() as work:
        found = (await list_connections(work, Wanted(limit=LONGEST))).items
    if not found:
        nothing = empty("power", "No connections yet", "Connect something to look into it.")
        with ui.element("section").classes("card"), nothing:
            link_button("Add Connection", "/connections/new", icon="add", main=True)
        return
    given = request.query_params
    page = _Page(visitor, {c.name: c.type for c in found})
    await page.build(given.get("connection", found[0].name), given.get("sql", ""))


class _Page:
    def __init__(self, visitor: Visitor, types: dict[str, str]) -> None:
        self._visitor = visitor
        self._types = types
        self._limit = 100
        self._rows: Rows | None = None

    async def build(self, name: str, sql: str) -> None:
        name = name if name in self._types else next(iter(self._types))
        with ui.element("div").classes("rows"):
            with ui.element("section").classes("card"):
                with ui.element("div").classes("tools"):
                    self._connection = ui.select(
                        list(self._types), value=name, label="Connection",
                        on_change=self._choose,
                    ).props("outlined dense options-dense").style("min-width:200px")  # fmt: skip
                    ui.select(_LIMITS, value=100, on_change=self._put_limit).props(
                        'outlined dense options-dense aria-label="How many rows"'
                    )
                    button("Run Query", self._run, icon="play_arrow", main=True)
                    ui.label("Ctrl+Enter runs.").classes("muted small")
                self._place = ui.element("div").classes("padded")
                await self._show_editor(sql)
            self._found = ui.element("div").classes("rows").props("aria-live=polite")

    async def _choose(self, event: events.ValueChangeEventArguments[str]) -> None:
        await self._show_editor(self._code.value if event.value else "")

    def _put_limit(self, event: events.ValueChangeEventArguments[int]) -> None:
        self._limit = event.value

    async def _show_editor(self, sql: str) -> None:
        name, words = self._connection.value, list[str]()
        type_ = self._types[name]
        if type_ == "api":
            try:
                async with self._visitor.looking() as work:
                    words = list(await words_for(work, name))
            except SynclineError:
                words = []
        if not sql or sql in _EXAMPLES.values():
            sql = _EXAMPLES.get(type_, _EXAMPLES[""])
        self._place.clear()
        with self._place:
            self._code = editor(sql, "SQL", label="Query", words=words).style("height:180px")
            self._code.map_key("Mod-Enter", self._run)

    async def _run(self) -> None:
        self._found.clear()
        with self._found, ui.element("div").classes("note"):
            ui.spinner(size="20px")
            ui.label("Asking …")
        point_at(self._code, None)
        done: list[Rows] = []

        async def run() -> None:
            visitor = self._visitor
            actor = await visitor.who()
            name, sql = self._connection.value, self._code.value
            try:
                done.append(await explore(visitor.plane, actor, name, sql, limit=self._limit))
            except QueryError as error:
                self._show_mistake(error)

        finished = await self._visitor.attempt(run)
        if done:
            self._rows = done[0]
            self._show_rows(done[0])
        elif not finished:
            self._found.clear()

    def _show_mistake(self, error: QueryError) -> None:
        mistake = mistake_of(error)
        point_at(self._code, mistake)
        self._found.clear()
        with self._found:
            where = f"Line {mistake.line}: " if mistake.line else ""
            note(where + mistake.message, kind="bad", hint=mistake.hint)

    def _show_rows(self, rows: Rows) -> None:
        self._found.clear()
        with self._found, ui.element("section").classes("card"):
            with ui.element("div").classes("card-head"):
                heading_2("Result")
                for form in _FORMS:
                    button(form, partial(self._download, form), icon="download")
                if self._may_make_task():
                    button("Make This a Task", self._make_task, icon="add_task")
            with ui.tabs().props("no-caps align=left") as tabs:
                ui.tab("Grid")
                ui.tab("Chart")
            with ui.tab_panels(tabs, value="Grid", animated=False):
                with ui.tab_panel("Grid"):
                    columns = [(f.name, told_type(f)) for f in rows.table.schema]
                    total = rows.table.num_rows
                    values = [list(row.values()) for row in rows.table.slice(0, _GRID).to_pylist()]
                    if total > _GRID:
                        ui.label(
                            f"The grid shows {_GRID:,} of {total:,} rows; the files have all of "
                            "them."
                        ).classes("padded-line")
                    show_rows(columns, values, label="Result", cut=rows.cut or total > _GRID)
                with ui.tab_panel("Chart"):
                    _chart(rows.table)

    def _may_make_task(self) -> bool:
        return self._types[self._connection.value] == "api" and self._visitor.may("jobs.edit")

    async def _make_task(self) -> None:
        """Ask for a job of this source; its page goes on with the query."""
        source, sql = self._connection.value, self._code.value.strip()
        found: list[str] = []

        async def look() -> None:
            async with self._visitor.looking() as work:
                page = await list_jobs(work, Wanted(limit=LONGEST), connection=source)
            found.extend(job.name for job in page.items if job.source.lower() == source.lower())

        if not await self._visitor.attempt(look):
            return
        if not found:
            with asking(f"{source} has no job yet") as dialog:
                ui.label("A task belongs to a job, which says where its rows go.").classes("muted")
                answers(dialog, "Cancel", "Add Job")
            if await answered(dialog):
                ui.navigate.to(f"/jobs/new?{urlencode({'source': source})}")
            return
        with asking("Make This a Task") as dialog:
            job = ui.select(found, value=found[0], label="Job", with_input=True)
            job.props("outlined stack-label options-dense")
            answers(dialog, "Cancel", "Go On", lambda: job.value)
        chosen = await answered(dialog)
        if chosen:
            ui.navigate.to(f"/jobs/{quote(chosen)}?{urlencode({'query': sql})}")

    async def _download(self, form: str) -> None:
        if self._rows is None:
            return
        table, file = self._rows.table, io.BytesIO()

        async def write() -> None:
            try:
                # 100,000 rows take a moment, in which other pages are to go on.
                await asyncio.to_thread(_FORMS[form], table, file)
            except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
                raise Invalid(
                    f"{form} has no place for lists and structures",
                    hint="take another format, or cast the column to text",
                ) from None

        if await self._visitor.attempt(write):
            ui.download.content(file.getvalue(), f"result.{form.lower()}")


def _chart(table: pa.Table) -> None:
    numbers = [f.name for f in table.schema if _is_number(f.type)]
    others = [f.name for f in table.schema if f.name not in numbers]
    if not numbers:
        note("A chart needs a column of numbers, such as COUNT(*).")
        return
    names = [str(v) for v in table.column(others[0]).to_pylist()[:_CHARTED]] if others else []
    grey = "#7d8797"
    short = table.slice(0, _CHARTED)
    if table.num_rows > _CHARTED:
        ui.label(f"The first {_CHARTED} of {table.num_rows:,} rows.").classes(
            "muted small padded-line"
        )
    series: list[dict[str, Any]] = [
        {
            "name": name,
            "type": "bar",
            "barMaxWidth": 48,
            "data": [None if v is None else float(v) for v in short.column(name).to_pylist()],
        }
        for name in numbers[:4]
    ]
    chart = ui.echart(
        {
            "animation": False,
            "color": ["#3b6fe0", "#b97a12", "#2e9e63", "#8a63d2"],
            "legend": {"textStyle": {"color": grey}},
            "tooltip": {"trigger": "axis"},
            "grid": {"left": 64, "right": 16, "top": 36, "bottom": 60},
            "xAxis": {"type": "category", "data": names, "axisLabel": {"color": grey}},
            "yAxis": {
                "type": "value",
                "axisLabel": {"color": grey},
                "splitLine": {"lineStyle": {"color": grey, "opacity": 0.18}},
            },
            "series": series,
        }
    )
    chart.style("height:340px;width:100%").props('role=img aria-label="Chart of the result"')


def _is_number(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    )
