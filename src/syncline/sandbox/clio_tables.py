"""Builds Clio's tables: how many rows each has, and what its fields and references are."""

from collections.abc import Mapping

from syncline.sandbox import clio_links, clio_values, describe, readers, values
from syncline.sandbox.clock import Clock
from syncline.sandbox.options import Options
from syncline.sandbox.rows import Store, Table, zone_of

# Rows for every thousand activities.
_PER_THOUSAND: Mapping[str, int] = {
    "activities": 1000,
    "allocations": 40,
    "bank_transactions": 100,
    "bills": 40,
    "calendar_entries": 200,
    "clio_payments_links": 15,
    "clio_payments_payments": 30,
    "comments": 50,
    "communications": 250,
    "contacts": 100,
    "conversation_messages": 60,
    "conversations": 20,
    "court_rules_matter_dockets": 10,
    "credit_memos": 10,
    "damages": 10,
    "document_automations": 10,
    "document_versions": 260,
    "documents": 200,
    "email_addresses": 130,
    "folders": 50,
    "interest_charges": 10,
    "internal_notifications_my_events": 30,
    "line_items": 500,
    "log_entries": 200,
    "matter_contacts": 130,
    "matters": 50,
    "medical_records_details": 10,
    "notes": 200,
    "outstanding_client_balances": 15,
    "phone_numbers": 120,
    "related_contacts": 80,
    "relationships": 80,
    "reminders": 100,
    "tasks": 200,
    "trust_line_items": 30,
}
_FIXED: Mapping[str, int] = {
    "activity_descriptions": 30,
    "activity_rates": 40,
    "bank_accounts": 6,
    "calendars": 12,
    "court_rules_jurisdictions": 15,
    "currencies": 5,
    "custom_fields": 24,
    "expense_categories": 15,
    "groups": 8,
    "practice_areas": 18,
    "triggers": 60,
    "users": 25,
    "utbms_codes": 120,
    "utbms_sets": 3,
}
_SMALLEST = 6
_USUAL = 12
_SOFT: Mapping[str, int] = {
    "bills": 0, "documents": 3, "folders": 2, "comments": 4, "task_types": 10, "custom_fields": 8,
    "court_rules_matter_dockets": 5,
}  # fmt: skip
_PARENTS: Mapping[str, str] = {
    "email_addresses": "contact",
    "phone_numbers": "contact",
    "triggers": "jurisdiction",
    "document_versions": "document",
    "conversation_messages": "conversation",
    "matter_contacts": "matter",
    "related_contacts": "matter",
    "billable_matters": "matter",
    "billable_clients": "contact",
}


def size_of(table: str, rows: int) -> int:
    if table == "activities":
        return rows
    # Every second matter and every third contact has something to bill.
    if table == "billable_matters":
        return size_of("matters", rows) // 2
    if table == "billable_clients":
        return min(size_of("contacts", rows) // 3, size_of("matters", rows) // 2)
    share = _PER_THOUSAND.get(table)
    if share is not None:
        return max(_SMALLEST, rows * share // 1000)
    return _FIXED.get(table, _USUAL)


def build(options: Options, clock: Clock) -> Store:
    """All Clio tables. The same options give the same rows."""
    zone = zone_of(options.utc_offset_minutes)
    lists = [entry for entry in describe.clio().lists if entry.table != "items"]
    store = Store(
        Table(
            entry.table,
            number=number,
            size=size_of(entry.table, options.rows),
            seed=options.seed,
            clock=clock,
            zone=zone,
        )
        for number, entry in enumerate(sorted(lists, key=_documents_last), start=11)
    )
    specific = clio_values.specific(store)
    for entry in lists:
        table = store.tables[entry.table]
        own = specific.get(entry.table, {})
        for name, kind in entry.schema.fields.items():
            table.fields[name] = own.get(name) or values.generator(
                entry.table, name, kind.name, kind.choices
            )
        table.soft = entry.table in _SOFT
        table.trash_percent = _SOFT.get(entry.table, 0)
        table.kind = readers.fixed(entry.schema.name)
        readers.label(table)
    clio_links.connect(store)
    for name, parent in _PARENTS.items():
        store.tables[name].parent = parent
    return store


def _documents_last(entry: describe.ClioList) -> tuple[bool, str]:
    """Folders get lower ids than documents: ``folders/list`` walks both, in the order of ids."""
    return entry.table == "documents", entry.table
