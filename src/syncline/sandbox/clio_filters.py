"""Clio's list filters: each turns the texts of a query parameter into a test of a row."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from syncline.sandbox import describe
from syncline.sandbox.clio_shapes import Shape, Shapes
from syncline.sandbox.rows import Store, Table

Test = Callable[[int], bool]
Value = Callable[[int], object]


class ArgumentError(Exception):
    """A query parameter has a value that cannot be understood."""


def value_of(table: Table, shape: Shape, name: str) -> Value:
    """A plain field of a row, changes included."""
    read = shape.fields[name]
    values = table.changes.values

    def value(index: int) -> object:
        changed = values.get(index)
        return changed[name] if changed and name in changed else read(table.draw(index))

    return value


def pointed(table: Table, *names: str) -> Callable[[int], object]:
    """The id at the end of a chain of references, None where it breaks."""

    def value(index: int) -> object:
        draw = table.draw(index)
        for name in names:
            found = draw.table.follow(name, draw)
            if found is None:
                return None
            draw = found
        return draw.table.identity(draw.index)

    return value


def seconds(text: str, name: str) -> float:
    """An ISO-8601 instant or date as seconds; without an offset it is read as UTC."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise ArgumentError(f"{name} is not an ISO-8601 timestamp: {text}") from None
    return (
        moment.timestamp()
        if moment.tzinfo
        else datetime.fromisoformat(f"{moment.isoformat()}+00:00").timestamp()
    )


# filter name: field it compares, comparison
_DATES: Mapping[tuple[str, str], tuple[str, str]] = {
    ("Activity", "start_date"): ("date", ">="),
    ("Activity", "end_date"): ("date", "<="),
    ("Bill", "due_after"): ("due_at", ">"),
    ("Bill", "due_before"): ("due_at", "<"),
    ("Bill", "issued_after"): ("issued_at", ">"),
    ("Bill", "issued_before"): ("issued_at", "<"),
    ("Bill", "last_sent_start_date"): ("last_sent_at", ">="),
    ("Bill", "last_sent_end_date"): ("last_sent_at", "<="),
    ("CalendarEntry", "from"): ("end_at", ">="),
    ("CalendarEntry", "to"): ("start_at", "<="),
    ("Communication", "received_since"): ("date", ">="),
    ("Communication", "received_before"): ("date", "<="),
    ("OutstandingClientBalance", "last_paid_start_date"): ("last_payment_date", ">="),
    ("OutstandingClientBalance", "last_paid_end_date"): ("last_payment_date", "<="),
    ("OutstandingClientBalance", "newest_bill_due_start_date"): (
        "newest_issued_bill_due_date",
        ">=",
    ),
    ("OutstandingClientBalance", "newest_bill_due_end_date"): ("newest_issued_bill_due_date", "<="),
    ("Report", "created_before"): ("created_at", "<="),
    ("Task", "due_at_from"): ("due_at", ">="),
    ("Task", "due_at_to"): ("due_at", "<="),
}
_RENAMED: Mapping[str, str] = {
    "bill_number": "number", "client_only": "is_client", "is_all_day": "all_day", "has_court_rule": "court_rule",
    "output_format": "format", "read_status": "read", "statuses": "status", "clio_connect_only": "is_clio_for_client_user",
}  # fmt: skip
_POINTING: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("BillableClient", "client_id"): ("contact",),
    ("BillableMatter", "matter_id"): ("matter",),
    ("BillableMatter", "responsible_attorney_id"): ("matter", "responsible_attorney"),
    ("BillableMatter", "originating_attorney_id"): ("matter", "originating_attorney"),
    ("CalendarEntry", "calendar_id"): ("calendar_owner",),
    ("Comment", "item_id"): ("document",),
    ("Conversation", "contact_id"): ("matter", "client"),
    ("Task", "client_id"): ("matter", "client"),
    ("Task", "responsible_attorney_id"): ("matter", "responsible_attorney"),
    ("Allocation", "parent_id"): ("parent",),
    ("Reminder", "subject_id"): ("subject",),
}
_WORDED: Mapping[tuple[str, str, str], Callable[[Mapping[str, object]], bool]] = {
    ("Activity", "status", "billed"): lambda row: row["billed"] is True,
    ("Activity", "status", "draft"): lambda row: (
        row["on_bill"] is True and row["billed"] is not True
    ),
    ("Activity", "status", "unbilled"): lambda row: not row["on_bill"] and not row["non_billable"],
    ("Activity", "status", "non_billable"): lambda row: row["non_billable"] is True,
    ("Activity", "status", "billable"): lambda row: row["non_billable"] is not True,
    ("Activity", "status", "written_off"): lambda row: row["no_charge"] is True,
    ("Activity", "only_unaccounted_for", "true"): lambda row: (
        not row["on_bill"] and not row["non_billable"]
    ),
    ("Allocation", "status", "valid"): lambda row: row["voided_at"] is None,
    ("Allocation", "status", "invalid"): lambda row: row["voided_at"] is not None,
    ("Bill", "status", "overdue"): lambda row: bool(row["due"]),
    ("Bill", "overdue_only", "true"): lambda row: bool(row["due"]),
    ("Bill", "type", "revenue"): lambda row: row["kind"] != "trust_kind",
    ("Bill", "type", "trust"): lambda row: row["kind"] == "trust_kind",
    ("BankAccount", "type", "operatingaccount"): lambda row: row["type"] == "Operating",
    ("BankAccount", "type", "trustaccount"): lambda row: row["type"] == "Trust",
    ("BankAccount", "show_empty_accounts", "false"): lambda row: row["balance"] != 0,
    ("Communication", "having_time_entries", "true"): lambda row: bool(row["time_entries_count"]),
    ("Communication", "having_time_entries", "false"): lambda row: not row["time_entries_count"],
    ("Contact", "email_only", "true"): lambda row: row["primary_email_address"] is not None,
    ("Conversation", "time_entries", "true"): lambda row: bool(row["time_entries_count"]),
    ("Conversation", "time_entries", "false"): lambda row: not row["time_entries_count"],
    ("CustomField", "visible_and_required", "true"): lambda row: (
        row["displayed"] is True and row["required"] is True
    ),
    ("Note", "has_time_entries", "true"): lambda row: bool(row["time_entries_count"]),
    ("Note", "has_time_entries", "false"): lambda row: not row["time_entries_count"],
    ("Task", "complete", "true"): lambda row: row["status"] == "complete",
    ("Task", "complete", "false"): lambda row: row["status"] != "complete",
    ("Task", "due_at_present", "true"): lambda row: row["due_at"] is not None,
    ("Task", "due_at_present", "false"): lambda row: row["due_at"] is None,
    ("Task", "time_entries_present", "true"): lambda row: bool(row["time_entries_count"]),
    ("Task", "time_entries_present", "false"): lambda row: not row["time_entries_count"],
    ("TaskTemplateList", "empty", "true"): lambda row: not row["templates_count"],
    ("TaskTemplateList", "empty", "false"): lambda row: bool(row["templates_count"]),
    ("TaskType", "enabled", "true"): lambda row: row["deleted_at"] is None,
    ("TaskType", "enabled", "false"): lambda row: row["deleted_at"] is not None,
}
_SEARCHED = ("name", "display_number", "number", "note", "subject", "summary", "description", "title", "filename",
             "first_name", "last_name", "body", "detail", "code", "phrase")  # fmt: skip
_COMPARED: Mapping[str, Callable[[str, str], bool]] = {
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    "=": lambda left, right: left == right,
}


def test_for(  # noqa: C901, PLR0911, PLR0912 (one branch per family of filters, tried in order)
    store: Store,
    shapes: Shapes,
    entry: describe.ClioList,
    table: Table,
    shape: Shape,
    name: str,
    texts: Sequence[str],
) -> Test | None:
    """The test of one filter parameter, or None when it changes nothing. Raises ArgumentError on a bad value."""
    item, last = entry.schema.name, texts[-1]
    bare = name.removesuffix("[]")
    if name == "ids[]":
        wanted = {table.find(text) for text in texts}
        if "id" in shape.fields and table.parent in ("matter", "contact"):
            shown, ids = value_of(table, shape, "id"), set(texts)
            return lambda index: str(shown(index)) in ids
        return lambda index: index in wanted
    if name == "exclude_ids[]":
        unwanted = {table.find(text) for text in texts}
        return lambda index: index not in unwanted
    worded = _WORDED.get((item, name, last.lower()))
    if worded is not None:
        return _on_row(table, shape, worded)
    dated = _DATES.get((item, name))
    if dated is not None:
        return _compared(value_of(table, shape, dated[0]), dated[1], last, name)
    if name.endswith("[]") and bare in shape.fields and shape.schema.fields[bare].name == "date":
        return _operators(value_of(table, shape, bare), texts, name)
    if name == "query":
        return _search(table, shape, last)
    chain = _POINTING.get((item, name))
    if chain is None and bare.endswith("_id") and bare[:-3] in table.single:
        chain = (bare[:-3],)
    if chain is not None:
        return _equals_id(pointed(table, *chain), last)
    if name.startswith("custom_field_values["):
        return _custom_value(store, shapes, table, shape, name[20:-1], last)
    if (item, name) == ("Matter", "status") or bare in shape.fields or bare in _RENAMED:
        field = _RENAMED.get(bare, bare)
        if field in shape.fields and name in entry.filters:
            return _equals(value_of(table, shape, field), shape.schema.fields[field].name, texts)
    return _other(store, entry, table, shape, name, last)


def _on_row(table: Table, shape: Shape, holds: Callable[[Mapping[str, object]], bool]) -> Test:
    class Row(dict[str, object]):
        """Fields of one row, read when asked for."""

        index = 0

        def __missing__(self, field: str) -> object:
            return value_of(table, shape, field)(self.index)

    def test(index: int) -> bool:
        row = Row()
        row.index = index
        return holds(row)

    return test


def _compared(value: Value, operator: str, text: str, name: str) -> Test:
    compare = _COMPARED[operator]
    if len(text) <= 10 and "T" not in text:  # noqa: PLR2004 (YYYY-MM-DD)
        seconds(text, name)

        def on_day(index: int) -> bool:
            found = value(index)
            return found is not None and compare(str(found)[:10], text)

        return on_day
    moment = seconds(text, name)

    def at_instant(index: int) -> bool:
        found = value(index)
        if found is None:
            return False
        written = str(found)
        if "T" not in written:
            return compare(written, datetime.fromtimestamp(moment).astimezone().date().isoformat())
        at = seconds(written, name)
        return compare(f"{at:020.3f}", f"{moment:020.3f}")

    return at_instant


def _operators(value: Value, texts: Sequence[str], name: str) -> Test:
    tests: list[Test] = []
    for text in texts:
        operator = next((sign for sign in (">=", "<=", ">", "<", "=") if text.startswith(sign)), "")
        tests.append(_compared(value, operator or "=", text[len(operator) :], name))
    return lambda index: all(test(index) for test in tests)


def _equals_id(value: Value, text: str) -> Test:
    if text == "null":
        return lambda index: value(index) is None
    if not text.isdigit():
        raise ArgumentError(f"{text} is not an id.")
    return lambda index: str(value(index)) == text


def _equals(value: Value, kind: str, texts: Sequence[str]) -> Test:
    if kind == "boolean":
        wanted = texts[-1].lower() in ("true", "1")
        return lambda index: bool(value(index)) is wanted
    if texts[-1] == "null":
        return lambda index: value(index) is None
    accepted = {part.strip().lower() for text in texts for part in text.split(",")}
    return lambda index: (found := value(index)) is not None and str(found).lower() in accepted


def _search(table: Table, shape: Shape, text: str) -> Test:
    readers = [value_of(table, shape, name) for name in _SEARCHED if name in shape.fields]
    sought = text.lower()
    return lambda index: any(
        sought in str(found).lower() for read in readers if (found := read(index)) is not None
    )


def _custom_value(
    store: Store, shapes: Shapes, table: Table, shape: Shape, definition: str, text: str
) -> Test:
    position = store.tables["custom_fields"].find(definition)
    if position is None or "custom_field_values" not in shape.many:
        return lambda _index: False
    operator = next((sign for sign in (">=", "<=", ">", "<", "=") if text.startswith(sign)), "")
    wanted = text[len(operator) :]
    spread = shape.many["custom_field_values"]
    read = shapes.of("CustomFieldValue").fields["value"]

    def test(index: int) -> bool:
        for found in spread(table.draw(index)):
            if found.position == position:
                value = read(found)
                if isinstance(value, float):
                    return _COMPARED[operator or "="](f"{value:030.6f}", f"{float(wanted):030.6f}")
                return _COMPARED[operator or "="](str(value).lower(), wanted.lower())
        return False

    return test


def _other(  # noqa: C901, PLR0911 (the few filters that fit no family)
    store: Store, entry: describe.ClioList, table: Table, shape: Shape, name: str, text: str
) -> Test | None:
    item = entry.schema.name
    if (item, name) == ("Bill", "matter_id"):
        matters = shape.many["matters"]
        if text == "null":
            return lambda index: not matters(table.draw(index))
        return lambda index: any(
            str(m.table.identity(m.index)) == text for m in matters(table.draw(index))
        )
    if (item, name) == ("Group", "user_id"):
        users = shape.many["users"]
        return lambda index: any(
            str(u.table.identity(u.index)) == text for u in users(table.draw(index))
        )
    if (item, name) == ("Contact", "initial"):
        last, whole = value_of(table, shape, "last_name"), value_of(table, shape, "name")
        return lambda index: str(last(index) or whole(index)).upper().startswith(text.upper())
    if (item, name) == ("MatterDocket", "matter_status"):
        status = store.tables["matters"].fields["status"]

        def of_matter(index: int) -> bool:
            matter = table.follow("matter", table.draw(index))
            return matter is not None and str(status(matter)).lower() == text.lower()

        return of_matter
    if (item, name) == ("Conversation", "date"):
        return lambda index: table.stamp(table.created[index])[:10] == text
    if (item, name) in (
        ("Allocation", "parent_type"),
        ("Reminder", "subject_type"),
        ("Task", "assignee_type"),
    ):
        reference = name.removesuffix("_type")
        wanted = text.replace("_", "").lower()

        def of_type(index: int) -> bool:
            found = table.follow(reference, table.draw(index))
            return found is not None and str(found.table.kind(found)).lower() == wanted

        return of_type
    if (item, name) == ("BillableClient", "matter_id"):
        matter = store.tables["matters"].find(text)
        return lambda index: (
            matter is not None
            and any(
                row * 2 == matter
                for row in store.backward("billable_matters", "billable_client").get(index, ())
            )
        )
    return None
