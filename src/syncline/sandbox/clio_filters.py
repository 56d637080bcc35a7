"""Clio's list filters: each turns the texts of a query parameter into a test of a row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from syncline.sandbox import describe
from syncline.sandbox.clio_conditions import (
    COMPARED,
    OPERATORS,
    Test,
    all_of,
    compared,
    decimal,
    digits,
    equals,
    equals_id,
    on_row,
    pointed,
    search,
    value_of,
)
from syncline.sandbox.clio_shapes import Shape, Shapes
from syncline.sandbox.rows import Draw, Store, Table

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
    "bill_number": "number", "client_only": "is_client", "is_all_day": "all_day",
    "has_court_rule": "court_rule", "output_format": "format", "read_status": "read",
    "statuses": "status", "clio_connect_only": "is_clio_for_client_user",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The list a filter belongs to, and the table its rows are read from."""

    store: Store
    shapes: Shapes
    entry: describe.ClioList
    table: Table
    shape: Shape

    @property
    def item(self) -> str:
        return self.entry.schema.name


def test_for(where: Where, name: str, texts: Sequence[str]) -> Test | None:
    """The test of one filter parameter, or None when it changes nothing.

    Raises ArgumentError on a bad value.
    """
    for family in _FAMILIES:
        test = family(where, name, texts)
        if test is not None:
            return test
    return None


def _by_ids(where: Where, name: str, texts: Sequence[str]) -> Test | None:
    if name not in ("ids[]", "exclude_ids[]"):
        return None
    table = where.table
    named = {table.find(text) for text in texts}
    if name == "ids[]":
        return named.__contains__
    return lambda index: index not in named


def _by_word(where: Where, name: str, texts: Sequence[str]) -> Test | None:
    holds = _WORDED.get((where.item, name, texts[-1].lower()))
    return None if holds is None else on_row(where.table, where.shape, holds)


def _by_date(where: Where, name: str, texts: Sequence[str]) -> Test | None:
    dated = _DATES.get((where.item, name))
    if dated is not None:
        return compared(value_of(where.table, where.shape, dated[0]), dated[1], texts[-1], name)
    bare = name.removesuffix("[]")
    if (
        bare != name
        and bare in where.shape.fields
        and where.shape.schema.fields[bare].name == "date"
    ):
        return all_of(value_of(where.table, where.shape, bare), texts, name)
    return None


def _by_search(where: Where, name: str, texts: Sequence[str]) -> Test | None:
    return search(where.table, where.shape, texts[-1]) if name == "query" else None


def _by_reference(where: Where, name: str, texts: Sequence[str]) -> Test | None:
    chain = _POINTING.get((where.item, name))
    if chain is None and name.endswith("_id") and name[:-3] in where.table.single:
        chain = (name[:-3],)
    return None if chain is None else equals_id(pointed(where.table, *chain), texts[-1])


def _by_custom_value(where: Where, name: str, texts: Sequence[str]) -> Test | None:
    if not name.startswith("custom_field_values["):
        return None
    definition = name.removeprefix("custom_field_values[").removesuffix("]")
    return _custom_value(where, definition, texts[-1])


def _by_field(where: Where, name: str, texts: Sequence[str]) -> Test | None:
    bare = name.removesuffix("[]")
    field = _RENAMED.get(bare, bare)
    if field not in where.shape.fields:
        return None
    kind = where.shape.schema.fields[field].name
    return equals(value_of(where.table, where.shape, field), kind, texts)


def _by_rule(where: Where, name: str, texts: Sequence[str]) -> Test | None:
    made = _RULES.get((where.item, name))
    return None if made is None else made(where, name, texts[-1])


def _custom_value(where: Where, definition: str, text: str) -> Test:
    position = where.store.tables["custom_fields"].find(definition)
    if position is None or "custom_field_values" not in where.shape.many:
        return lambda _index: False
    operator = next((sign for sign in OPERATORS if text.startswith(sign)), "=")
    wanted = text.removeprefix(operator)
    compare = COMPARED[operator]
    spread, table = where.shape.many["custom_field_values"], where.table
    read = where.shapes.of("CustomFieldValue").fields["value"]

    def test(index: int) -> bool:
        for found in spread(table.draw(index)):
            if found.position == position:
                value = read(found)
                if isinstance(value, float):
                    return compare(digits(value), digits(decimal(wanted)))
                return compare(str(value).lower(), wanted.lower())
        return False

    return test


def _matter_of_bill(where: Where, _name: str, text: str) -> Test:
    matters, table = where.shape.many["matters"], where.table
    if text == "null":
        return lambda index: not matters(table.draw(index))
    return lambda index: text in {_shown_id(found) for found in matters(table.draw(index))}


def _user_of_group(where: Where, _name: str, text: str) -> Test:
    users, table = where.shape.many["users"], where.table
    return lambda index: text in {_shown_id(found) for found in users(table.draw(index))}


def _initial(where: Where, _name: str, text: str) -> Test:
    last = value_of(where.table, where.shape, "last_name")
    whole = value_of(where.table, where.shape, "name")
    return lambda index: str(last(index) or whole(index)).upper().startswith(text.upper())


def _status_of_matter(where: Where, _name: str, text: str) -> Test:
    status, table = where.store.tables["matters"].fields["status"], where.table

    def test(index: int) -> bool:
        matter = table.follow("matter", table.draw(index))
        return matter is not None and str(status(matter)).lower() == text.lower()

    return test


def _created_on(where: Where, _name: str, text: str) -> Test:
    table = where.table
    return lambda index: table.stamp(table.created[index])[:10] == text


def _type_of_reference(where: Where, name: str, text: str) -> Test:
    table, reference = where.table, name.removesuffix("_type")
    wanted = text.replace("_", "").lower()

    def test(index: int) -> bool:
        found = table.follow(reference, table.draw(index))
        return found is not None and str(found.table.kind(found)).lower() == wanted

    return test


def _matter_of_client(where: Where, _name: str, text: str) -> Test:
    matter = where.store.tables["matters"].find(text)
    rows = where.store.backward("billable_matters", "billable_client")
    matters = where.store.backward("billable_matters", "matter").get(
        -1 if matter is None else matter, []
    )
    return lambda index: any(row in matters for row in rows.get(index, ()))


def _member(reference: str, member: str) -> Callable[[Where, str, str], Test]:
    """Compare a member of an object that lives inside the row."""

    def made(where: Where, _name: str, text: str) -> Test:
        follow, table = where.shape.single[reference], where.table
        target = where.shape.schema.nested[reference].schema
        read = where.shapes.of(target).fields[member]

        def test(index: int) -> bool:
            found = follow(table.draw(index))
            return found is not None and str(read(found)).lower() == text.lower()

        return test

    return made


def _shown_id(draw: Draw) -> str:
    return str(draw.table.identity(draw.index))


_RULES: Mapping[tuple[str, str], Callable[[Where, str, str], Test]] = {
    ("Allocation", "parent_type"): _type_of_reference,
    ("BillableClient", "matter_id"): _matter_of_client,
    ("Bill", "matter_id"): _matter_of_bill,
    ("Contact", "initial"): _initial,
    ("Conversation", "date"): _created_on,
    ("Group", "user_id"): _user_of_group,
    ("MatterDocket", "matter_status"): _status_of_matter,
    ("Reminder", "notification_method_id"): _member("notification_method", "id"),
    ("Reminder", "subject_type"): _type_of_reference,
    ("ReportPreset", "schedule_frequency"): _member("report_schedule", "frequency"),
    ("Task", "assignee_type"): _type_of_reference,
}
# The first family that knows a parameter makes its test.
_FAMILIES: tuple[Callable[[Where, str, Sequence[str]], Test | None], ...] = (
    _by_ids,
    _by_word,
    _by_date,
    _by_search,
    _by_rule,
    _by_reference,
    _by_custom_value,
    _by_field,
)
