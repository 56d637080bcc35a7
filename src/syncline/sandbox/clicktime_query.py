"""Which rows of a ClickTime list a request means, in which order, and how they are shown."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from syncline.sandbox import describe
from syncline.sandbox.clicktime_tables import family, snake
from syncline.sandbox.options import Options
from syncline.sandbox.randomness import below, salt
from syncline.sandbox.rows import Draw, Generator, Store, Table, inside
from syncline.sandbox.values import generator

_DATE_FIELDS: Mapping[str, str] = {
    "Allocations": "Month", "AuditLog": "LogDate", "ExpenseItems": "ExpenseDate",
    "ExpenseSheets": "ExpenseSheetDate", "JobBudgets": "Month", "TimeOffRequests": "CreatedDate",
    "Timers": "TimeEntryDate", "Timesheets": "StartDate", "WeeklySummaries": "StartDate",
    "PayrollSummaries": "StartDate",
}  # fmt: skip
_FROM = {
    "startdate", "fromdate", "fromexpensedate", "fromexpensesheetdate", "startmonth",
    "monthlybudgetstartdate",
}  # fmt: skip
_TO = {
    "enddate", "todate", "toexpensedate", "toexpensesheetdate", "endmonth", "monthlybudgetenddate",
}  # fmt: skip
_THROUGH: Mapping[str, tuple[str, ...]] = {
    "divisionid": ("User", "Division"),
    "employmenttypeid": ("User", "EmploymentType"),
    "clientid": ("Job", "Client"),
    "projectmanagerid": ("Job", "ProjectManager"),
}
_LENGTH = salt("clicktime.list")
_KEPT_SELECTIONS = 32
_ROW_BYTES = 64 * 1024 * 1024
_ROW_OVERHEAD = 100

Test = Callable[[int], bool]
Reader = Callable[[Draw], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A list request: its parameters with lower-case names, and the tests that its path adds."""

    entry: describe.ClickTimeList
    parameters: Mapping[str, tuple[str, ...]]
    scope: tuple[tuple[str, int], ...] = ()

    @property
    def verbose(self) -> bool:
        return self.parameters.get("verbose", ("",))[-1].lower() == "true"


class MissingParameterError(Exception):
    """A report is asked for without what it needs."""


class ClickTimeRows:
    """Selects, sorts and renders; remembers what it did until something changes."""

    def __init__(self, store: Store, options: Options) -> None:
        self._store = store
        self._texts = options.numbers_as_strings
        self._version = store.version
        self._selections: dict[object, Sequence[int]] = {}
        self._plans: dict[tuple[str, bool], list[tuple[str, Reader]]] = {}
        self._rendered: dict[tuple[str, bool], dict[int, bytes]] = {}
        self._bytes = 0

    def table(self, model: describe.Schema) -> Table:
        return self._store.tables[family(model.name) or ""]

    def rows(self, model: describe.Schema, indexes: Sequence[int], *, verbose: bool) -> list[bytes]:
        """Rows as JSON."""
        self._refresh()
        table = self.table(model)
        key = (model.name, verbose)
        plan = self._plan(model, verbose=verbose)
        known = self._rendered.setdefault(key, {})
        made: list[bytes] = []
        for index in indexes:
            row = known.get(index)
            if row is None:
                row = known[index] = msgspec.json.encode(_render(plan, table.draw(index)))
                self._bytes += len(row) + _ROW_OVERHEAD
            made.append(row)
        return made

    def row(self, model: describe.Schema, index: int, *, verbose: bool) -> dict[str, object]:
        return _render(self._plan(model, verbose=verbose), self.table(model).draw(index))

    def matching(self, asked: Asked, model: describe.Schema) -> Sequence[int]:
        """Rows a request means, in the documented order. Raises MissingParameterError."""
        for name in asked.entry.required:
            if not asked.parameters.get(name.lower()):
                raise MissingParameterError(name)
        self._refresh()
        filters = tuple(
            sorted(
                (k, v)
                for k, v in asked.parameters.items()
                if k not in ("limit", "offset", "verbose")
            )
        )
        key = (asked.entry.path, filters, asked.scope)
        known = self._selections.get(key)
        if known is None:
            table = self.table(model)
            tests = [*self._scope(table, asked), *self._filters(table, asked)]
            found = [index for index in table.indexes() if all(test(index) for test in tests)]
            known = array("q", self._sorted(table, found, asked.entry.order))
            self._selections[key] = known
        return known

    def _refresh(self) -> None:
        if self._version != self._store.version:
            self._version = self._store.version
            self._selections.clear()
            self._rendered.clear()
        if len(self._selections) > _KEPT_SELECTIONS:
            self._selections.clear()
        if self._bytes > _ROW_BYTES:
            self._rendered.clear()
        if not self._rendered:
            self._bytes = 0

    # -- filters

    def _scope(self, table: Table, asked: Asked) -> list[Test]:
        tests: list[Test] = []
        for reference, row in asked.scope:
            if reference == "EntityType":
                entity = (
                    asked.entry.path.split("/")[1]
                    .removesuffix("s")
                    .replace("TimeEntrie", "TimeEntry")
                )
                tests.append(_is(_field(table, "EntityType"), entity))
            elif (
                reference == "Timesheet"
                and "Timesheet" not in table.single
                and "User" in table.single
            ):
                tests.append(self._of_timesheet(table, row))
            elif reference in table.single:
                tests.append(_belongs(table, reference, row))
        return tests

    def _of_timesheet(self, table: Table, row: int) -> Test:
        sheets = self._store.tables["Timesheets"]
        sheet = sheets.draw(row)
        owner = sheets.follow("User", sheet)
        first, last = sheets.fields["StartDate"](sheet), sheets.fields["EndDate"](sheet)
        date = _field(table, "Date")

        def test(index: int) -> bool:
            user = table.follow("User", table.draw(index))
            same = user is not None and owner is not None and user.index == owner.index
            return same and str(first) <= str(date(index)) <= str(last)

        return test

    def _filters(self, table: Table, asked: Asked) -> list[Test]:
        tests: list[Test] = []
        fields = {name.lower(): name for name in table.fields}
        for name in asked.entry.parameters:
            texts = asked.parameters.get(name.lower())
            if texts:
                test = self._filter(table, fields, name, texts)
                if test is not None:
                    tests.append(test)
        return tests

    def _filter(
        self, table: Table, fields: Mapping[str, str], name: str, texts: tuple[str, ...]
    ) -> Test | None:
        lower = {"entrydate": "date"}.get(name.lower(), name.lower())
        date_field = _DATE_FIELDS.get(table.name, "Date")
        if lower in _FROM | _TO and date_field in table.fields:
            return _window(_field(table, date_field), texts[-1], opens=lower in _FROM)
        if lower in fields:
            return _any_of(_field(table, fields[lower]), texts)
        reference = name.removesuffix("IsActive")
        if reference in table.single:
            wanted = texts[-1].lower() == "true"
            return lambda index: _active(table, reference, index) is wanted
        chain = _THROUGH.get(lower, ("",))
        if chain[0] in table.single:
            ids = set(texts)
            return lambda index: str(_pointed(table, index, chain)) in ids
        return None

    # -- order

    def _sorted(
        self, table: Table, found: list[int], order: Sequence[tuple[str, bool]]
    ) -> list[int]:
        for name, descending in reversed(order):
            read = self._sort_reader(table, name)
            if read is not None:
                found.sort(key=read, reverse=descending)
        return found

    def _sort_reader(self, table: Table, name: str) -> Callable[[int], tuple[bool, str]] | None:
        reference, _, field = name.partition(".")
        if field and reference in table.single:
            inner = table.single[reference][0].fields.get(field)
            if inner is None:
                return None

            def of_reference(index: int) -> tuple[bool, str]:
                found = table.follow(reference, table.draw(index))
                return found is not None, str(inner(found)) if found is not None else ""

            return of_reference
        if name not in table.fields:
            return None
        value = _field(table, name)
        if name == "LogID":
            return lambda index: (True, f"{index:012d}")
        return lambda index: ((shown := value(index)) is not None, str(shown))

    # -- showing

    def _plan(self, model: describe.Schema, *, verbose: bool) -> list[tuple[str, Reader]]:
        key = (model.name, verbose)
        known = self._plans.get(key)
        if known is None:
            table = self.table(model)
            plan: list[tuple[str, Reader]] = []
            for name, kind in model.fields.items():
                if verbose or not kind.verbose:
                    plan.append((name, self._scalar(table.fields[name], kind)))
            for name, association in model.nested.items():
                if verbose or not association.verbose:
                    plan.append((name, self._nested(table, name, association)))
            known = self._plans[key] = plan
        return known

    def _scalar(self, read: Generator, kind: describe.Kind) -> Reader:
        if not self._texts or kind.name not in ("double", "int32"):
            return read
        return lambda draw: None if (value := read(draw)) is None else str(value)

    def _nested(self, table: Table, name: str, association: describe.Association) -> Reader:
        model = describe.clicktime().models[association.schema]
        target = table.single[name][0] if name in table.single else None
        plan: list[tuple[str, Reader]] = []
        for field, kind in model.fields.items():
            read = target.fields.get(field) if target is not None else None
            inner = _inner_id if field == "ID" else None
            made = (
                read
                or inner
                or generator(model.name, snake(field), _kind(field, kind), kind.choices)
            )
            plan.append((field, self._scalar(made, kind)))
        plan.extend(
            (field, self._nested(target or table, field, inner))
            for field, inner in model.nested.items()
        )
        if association.many:
            field_salt = salt(f"{table.name}.{name}")
            return lambda draw: [
                _render(plan, inside(draw, field_salt, position))
                for position in range(below(draw.fixed, _LENGTH ^ field_salt, 3))
            ]
        if target is None:
            field_salt = salt(f"{table.name}.{name}")
            return lambda draw: _render(plan, inside(draw, field_salt, 0))

        def single(draw: Draw) -> object:
            found = draw.table.follow(name, draw)
            return None if found is None else _render(plan, found)

        return single


def _window(value: Callable[[int], object], bound: str, *, opens: bool) -> Test:
    """Dates and months compare as texts, as far as both are written."""

    def test(index: int) -> bool:
        shown = str(value(index))
        length = min(len(shown), len(bound))
        if opens:
            return shown[:length] >= bound[:length]
        return shown[:length] <= bound[:length]

    return test


def _any_of(value: Callable[[int], object], texts: Sequence[str]) -> Test:
    accepted = {text.lower() for text in texts}
    return lambda index: _plain(value(index)) in accepted


def _is(value: Callable[[int], object], wanted: str) -> Test:
    return lambda index: value(index) == wanted


def _belongs(table: Table, reference: str, row: int) -> Test:
    def test(index: int) -> bool:
        found = table.follow(reference, table.draw(index))
        return found is not None and found.index == row

    return test


def _inner_id(draw: Draw) -> object:
    return f"{draw.fixed:x}"


def _kind(field: str, kind: describe.Kind) -> str:
    return "date" if kind.name == "string" and field.endswith("Date") else kind.name


def _render(plan: Sequence[tuple[str, Reader]], draw: Draw) -> dict[str, object]:
    row = {name: read(draw) for name, read in plan}
    if draw.position < 0:
        changed = draw.table.changes.values.get(draw.index)
        if changed:
            row.update({name: value for name, value in changed.items() if name in row})
    return row


def _field(table: Table, name: str) -> Callable[[int], object]:
    read = table.fields[name]
    values = table.changes.values

    def value(index: int) -> object:
        changed = values.get(index)
        return changed[name] if changed and name in changed else read(table.draw(index))

    return value


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).lower()


def _pointed(table: Table, index: int, chain: Sequence[str]) -> object:
    draw = table.draw(index)
    for name in chain:
        found = draw.table.follow(name, draw)
        if found is None:
            return None
        draw = found
    return draw.table.identity(draw.index)


def _active(table: Table, reference: str, index: int) -> bool:
    found = table.follow(reference, table.draw(index))
    return found is not None and _field(found.table, "IsActive")(found.index) is True
