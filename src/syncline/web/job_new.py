"""Add Job: a source, a destination and the tables to begin with, on one page."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from fastapi import Request
from nicegui import events, ui

from syncline.control.paging import LONGEST, Wanted
from syncline.control.project import JobSpec, TaskSpec
from syncline.control.usecases.connections import list_connections
from syncline.control.usecases.jobs import create_job
from syncline.control.usecases.looking import offered_tables
from syncline.web.frame import heading
from syncline.web.parts import button, card, empty, heading_2, link_button, note
from syncline.web.saving import forget_typed
from syncline.web.tables import TableChoice
from syncline.web.visitor import Visitor

_CRUMBS = (("Jobs", "/jobs"),)


async def shown(visitor: Visitor, request: Request) -> None:
    """Build the page."""
    with heading("Add Job", crumbs=_CRUMBS):
        pass
    if not visitor.may("jobs.edit"):
        note("Your role does not allow to add jobs.", hint="ask an administrator")
        return
    async with visitor.looking() as work:
        everything = Wanted(limit=LONGEST)
        sources = (await list_connections(work, everything, role="source")).items
        destinations = (await list_connections(work, everything, role="destination")).items
    for found, word in ((sources, "source"), (destinations, "destination")):
        if not found:
            with (
                card(),
                empty(
                    "power", f"A {word} comes first", f"A job needs a connection that is a {word}."
                ),
            ):
                link_button(
                    f"Connect a {word.capitalize()}", _adding(word, {}), icon="add", main=True
                )
            return
    given = request.query_params
    page = _Page(visitor)
    await page.build(
        [c.name for c in sources], [c.name for c in destinations],
        given.get("source", ""), given.get("destination", ""),
    )  # fmt: skip


def _adding(kind: str, back: Mapping[str, str]) -> str:
    """Return the address where a connection is added that leads back here."""
    here = f"/jobs/new?{urlencode(back)}" if back else "/jobs/new"
    return f"/connections/new?{urlencode({'kind': kind, 'next': here})}"


class _Page:
    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self._choice: TableChoice | None = None

    async def build(
        self, sources: list[str], destinations: list[str], source: str, destination: str
    ) -> None:
        source = source if source in sources else sources[0]
        destination = destination if destination in destinations else destinations[0]
        with ui.element("div").classes("rows"):
            with card("From and to"), ui.element("div").classes("fields"):
                self._name = ui.input("Name *", value=f"{source}-to-{destination}"[:50])
                self._name.props("outlined stack-label maxlength=50")
                self._source = ui.select(
                    sources,
                    value=source,
                    label="Source *",
                    with_input=len(sources) > 8,  # noqa: PLR2004 (more than one sees at once)
                ).props("outlined stack-label options-dense")
                self._source.on_value_change(self._source_changed)
                self._destination = ui.select(
                    destinations, value=destination, label="Destination *",
                    with_input=len(destinations) > 8,  # noqa: PLR2004 (as above)
                ).props("outlined stack-label options-dense")  # fmt: skip
                if self._visitor.may("connections.edit"):
                    with ui.element("div").classes("row-line"):
                        to_add = _adding("destination", {"source": source})
                        link_button("New Destination", to_add, icon="add")
            with ui.element("section").classes("card"):
                with ui.element("div").classes("card-head"):
                    heading_2("Tables")
                    self._all = ui.switch("All tables, and those that will be new").props(
                        "left-label"
                    )
                self._tables = ui.element("div")
                self._all.on_value_change(lambda e: self._tables.set_visibility(not e.value))
                await self._show_tables()
            with ui.element("div").classes("row-line"):
                button("Create Job", self._create, icon="check", main=True)
                link_button("Cancel", "/jobs")

    async def _source_changed(self, event: events.ValueChangeEventArguments[str]) -> None:
        if self._name.value.endswith(f"-to-{self._destination.value}"):
            self._name.value = f"{event.value}-to-{self._destination.value}"[:50]
        await self._show_tables()

    async def _show_tables(self) -> None:
        self._tables.clear()
        self._choice = None

        async def show() -> None:
            async with self._visitor.looking() as work:
                tables = await offered_tables(work, self._source.value)
            with self._tables:
                self._choice = TableChoice(
                    self._visitor, self._source.value, tables, known=frozenset()
                )

        await self._visitor.attempt(show)

    async def _create(self) -> None:
        if not self._name.value:
            self._name.props('error error-message="This is needed"')
            return
        chosen = self._choice.chosen if self._choice and not self._all.value else []

        async def create() -> None:
            spec = JobSpec(
                source=self._source.value,
                destination=self._destination.value,
                all_tables=self._all.value,
                tasks=tuple(TaskSpec(table=name) for name in chosen),
            )
            async with self._visitor.changing() as work:
                await create_job(work, self._name.value, spec)

        if await self._visitor.attempt(create):
            forget_typed()
            ui.navigate.to(f"/jobs/{quote(self._name.value)}")
