"""What Clio's rows point at: most by default, some by a rule of their own."""

from collections.abc import Mapping, Sequence
from functools import cache

from syncline.sandbox import describe
from syncline.sandbox.links import backward, by, several, through, toward, within, within_list
from syncline.sandbox.randomness import chance, salt
from syncline.sandbox.rows import Draw, Follow, Spread, Store, Table, inside

_BILLED = salt("billed")
_EXPENSES = ("ExpenseEntry", "HardCostEntry", "SoftCostEntry")
_USUALLY = 60
_SHARE: Mapping[str, int] = {
    "user": 97, "matter": 92, "contact": 90, "client": 100, "currency": 100, "author": 100,
    "creator": 95, "bank_account": 100, "responsible_attorney": 90, "group": 40,
    "practice_area": 85, "jurisdiction": 100, "trigger": 100, "service_type": 80,
    "task_template_list": 100, "communication": 5, "matter_note": 4, "contact_note": 2,
    "calendar_entry": 5, "task": 8, "document_version": 40, "utbms_expense": 10,
    "parent_calendar_entry": 6, "original_bill": 3, "matter_docket": 8, "timer": 3,
    "statute_of_limitations": 15, "text_message_conversation": 2, "legal_aid_uk_activity": 2,
    "client_portal": 3, "related": 50, "company": 25,
}  # fmt: skip
# Schemas that are another table's rows under another name.
ALIASES: Mapping[str, str] = {
    "Activity_CalendarEntry": "calendar_entries",
    "Activity_Task": "tasks",
    "Activity_TextMessageConversation": "conversations",
    "Attendee": "contacts",
    "CascadingTaskTemplate": "task_templates",
    "ClioCreator": "users",
    "CustomFieldMatterSelection": "matters",
    "LinkedFolder": "folders",
    "Participant": "users",
    "PolymorphicCustomRate_ActivityDescription": "activity_descriptions",
    "PolymorphicCustomRate_Group": "groups",
    "PolymorphicCustomRate_User": "users",
    "UnredactedParticipant": "users",
}
# Lists that are the other side of a reference.
_BACKWARD: Mapping[tuple[str, str], tuple[str, str]] = {
    ("tasks", "time_entries"): ("activities", "task"),
    ("calendar_entries", "time_entries"): ("activities", "calendar_entry"),
    ("communications", "time_entries"): ("activities", "communication"),
    ("notes", "time_entries"): ("activities", "matter_note"),
    ("contacts", "email_addresses"): ("email_addresses", "contact"),
    ("contacts", "phone_numbers"): ("phone_numbers", "contact"),
    ("matters", "relationships"): ("relationships", "matter"),
    ("conversations", "messages"): ("conversation_messages", "conversation"),
    ("tasks", "reminders"): ("reminders", "task"),
    ("calendar_entries", "reminders"): ("reminders", "calendar_entry"),
    ("task_template_lists", "templates"): ("task_templates", "task_template_list"),
    ("billable_clients", "billable_matters"): ("billable_matters", "billable_client"),
}


def table_of(schema: str) -> str | None:
    """The table whose rows a schema describes, or None for objects that live inside rows."""
    return _tables().get(schema) or ALIASES.get(schema)


@cache
def _tables() -> dict[str, str]:
    return {
        entry.schema.name: entry.table for entry in describe.clio().lists if entry.table != "items"
    }


def connect(store: Store) -> None:
    """Give every table its references."""
    hidden = _hidden(store)
    single = {**_activity_links(store), **_other_links(store)}
    many = _lists(store)
    for entry in describe.clio().lists:
        if entry.table == "items":
            continue
        table = store.tables[entry.table]
        table.single.update(hidden.get(entry.table, {}))
        for name, association in entry.schema.nested.items():
            key = (entry.table, name)
            target = store.tables.get(table_of(association.schema) or "", table)
            stored = table_of(association.schema) is not None
            if association.many:
                table.many[name] = (
                    target,
                    many.get(key) or _default_list(store, key, target if stored else None),
                )
            else:
                table.single[name] = (
                    target,
                    single.get(key) or _default(key, target if stored else None),
                )


def _default(key: tuple[str, str], target: Table | None) -> Follow:
    name = key[1]
    percent = _SHARE.get(name, _USUALLY)
    return (
        within(".".join(key), percent)
        if target is None
        else toward(target, ".".join(key), percent=percent)
    )


def _default_list(store: Store, key: tuple[str, str], target: Table | None) -> Spread:
    other = _BACKWARD.get(key)
    if other is not None:
        return backward(store, *other)
    return within_list(".".join(key), 2) if target is None else several(target, ".".join(key))


def _hidden(store: Store) -> dict[str, dict[str, tuple[Table, Follow]]]:
    """References the API does not show but which make children belong to parents."""
    tables = store.tables
    contacts, matters, documents = tables["contacts"], tables["matters"], tables["documents"]
    tasks, entries, relations = tables["tasks"], tables["calendar_entries"], tables["relationships"]
    first_matters = matters.size

    def spread_over(target: Table, name: str) -> Follow:
        """The first rows take one parent each, so that no parent among them is without children."""
        rest = toward(target, name)
        return lambda draw: target.draw(draw.index) if draw.index < target.size else rest(draw)

    def relation(draw: Draw) -> Draw | None:
        number = draw.index - first_matters
        return relations.draw(number) if 0 <= number < relations.size else None

    def contact_of_matter(draw: Draw) -> Draw | None:
        found = relation(draw)
        if found is not None:
            return found.table.follow("contact", found)
        matter = matters.draw(draw.index % max(first_matters, 1))
        return matters.follow("client", matter)

    def matter_of_row(draw: Draw) -> Draw | None:
        found = relation(draw)
        return (
            found.table.follow("matter", found)
            if found
            else matters.draw(draw.index % max(first_matters, 1))
        )

    same_relation = by(lambda draw: draw.index, relations)

    def related(name: str) -> Follow:
        def follow(draw: Draw) -> Draw | None:
            found = same_relation(draw)
            return None if found is None else relations.follow(name, found)

        return follow

    every_second = tables["billable_clients"]
    return {
        "email_addresses": {"contact": (contacts, spread_over(contacts, "email_addresses"))},
        "phone_numbers": {"contact": (contacts, spread_over(contacts, "phone_numbers"))},
        "triggers": {
            "jurisdiction": (
                tables["court_rules_jurisdictions"],
                spread_over(tables["court_rules_jurisdictions"], "triggers"),
            )
        },
        "document_versions": {"document": (documents, spread_over(documents, "document_versions"))},
        "matter_contacts": {
            "contact": (contacts, contact_of_matter),
            "matter": (matters, matter_of_row),
        },
        "related_contacts": {
            "contact": (contacts, related("contact")),
            "matter": (matters, related("matter")),
        },
        "billable_matters": {
            "matter": (matters, by(lambda draw: draw.index * 2, matters)),
            "billable_client": (
                every_second,
                by(lambda draw: draw.index % max(every_second.size, 1), every_second),
            ),
        },
        "billable_clients": {"contact": (contacts, by(lambda draw: draw.index * 3, contacts))},
        "reminders": {
            "task": (tasks, by(lambda draw: draw.index // 2 if draw.index % 2 else None, tasks)),
            "calendar_entry": (
                entries,
                by(lambda draw: None if draw.index % 2 else draw.index // 2, entries),
            ),
        },
        "comments": {"document": (documents, toward(documents, "comments"))},
        "utbms_codes": {"set": (tables["utbms_sets"], toward(tables["utbms_sets"], "utbms_codes"))},
        "matter_stages": {
            "practice_area": (tables["practice_areas"], toward(tables["practice_areas"], "stages"))
        },
        "activity_rates": {
            "contact": (contacts, toward(contacts, "activity_rates", percent=30)),
            "co_counsel_contact": (contacts, toward(contacts, "activity_rates.co", percent=10)),
        },
    }


def _activity_links(store: Store) -> dict[tuple[str, str], Follow]:
    """An activity's kind decides what it may point at; its bill is one of its matter."""
    tables = store.tables
    bills, notes, contacts = tables["bills"], tables["notes"], tables["contacts"]
    descriptions, categories = tables["activity_descriptions"], tables["expense_categories"]
    note = toward(notes, "activities.note", percent=4)

    def note_of(wanted: str) -> Follow:
        def follow(draw: Draw) -> Draw | None:
            found = note(draw)
            return found if found is not None and notes.fields["type"](found) == wanted else None

        return follow

    def bill(draw: Draw) -> Draw | None:
        matter = draw.table.follow("matter", draw)
        if matter is None or matter.index >= bills.size or not chance(draw.fixed, _BILLED, 40):
            return None
        return bills.draw(matter.index)

    usual_description = toward(descriptions, "activities", percent=75)
    usual_category = toward(categories, "activities", percent=90)
    return {
        ("activities", "activity_description"): _of_type("TimeEntry", link=usual_description),
        ("activities", "expense_category"): _of_type(*_EXPENSES, link=usual_category),
        ("activities", "vendor"): _of_type("HardCostEntry", link=toward(contacts, "vendor")),
        ("activities", "bill"): bill,
        ("activities", "matter_note"): note_of("Matter"),
        ("activities", "contact_note"): note_of("Contact"),
        ("activities", "subject"): _either("task", "calendar_entry"),
        ("reminders", "subject"): _either("task", "calendar_entry"),
        ("notes", "matter"): _of_type("Matter", link=toward(tables["matters"], "notes")),
        ("notes", "contact"): _of_type("Contact", link=toward(contacts, "notes")),
        ("line_items", "activity"): by(lambda draw: draw.index * 2, tables["activities"]),
        ("line_items", "matter"): through("activity", "matter"),
        ("line_items", "user"): through("activity", "user"),
    }


def _other_links(store: Store) -> dict[tuple[str, str], Follow]:
    tables = store.tables
    bills, matters, folders = tables["bills"], tables["matters"], tables["folders"]
    relations, entries = tables["relationships"], tables["calendar_entries"]
    versions = backward(store, "document_versions", "document")
    messages = backward(store, "conversation_messages", "conversation")
    matter_in_turn = _in_turn(matters)

    def client_of_bill(draw: Draw) -> Draw | None:
        matter = matter_in_turn(draw)
        return None if matter is None else matters.follow("client", matter)

    return {
        ("bills", "client"): client_of_bill,
        ("allocations", "parent"): toward(tables["credit_memos"], "allocations", percent=60),
        ("allocations", "matter"): matter_in_turn,
        ("allocations", "bill"): _in_turn(bills),
        ("allocations", "contact"): through("matter", "client"),
        ("bank_transactions", "allocation"): by(_same, tables["allocations"]),
        ("bank_transactions", "client"): through("matter", "client"),
        ("log_entries", "item"): toward(matters, "log_entries"),
        ("documents", "latest_document_version"): _one_of(versions, -1),
        ("conversations", "last_message"): _one_of(messages, -1),
        ("conversations", "first_message"): _one_of(messages, 0),
        ("conversation_messages", "conversation"): _in_turn(tables["conversations"]),
        ("folders", "parent"): by(_folder_above, folders),
        ("documents", "parent"): toward(folders, "documents"),
        ("folders", "latest_document_version"): lambda _draw: None,
        ("billable_matters", "client"): through("matter", "client"),
        ("internal_notifications_my_events", "event"): within("event", 100),
        ("related_contacts", "relationship"): by(_same, relations),
        ("matter_contacts", "relationship"): by(lambda draw: draw.index - matters.size, relations),
        ("calendar_entries", "parent_calendar_entry"): by(_entry_before, entries),
    }


def _same(draw: Draw) -> int:
    return draw.index


def _folder_above(draw: Draw) -> int | None:
    """Eight folders in a folder; the first is the root."""
    return (draw.index - 1) // 8 if draw.index else None


def _entry_before(draw: Draw) -> int | None:
    """One calendar entry of 17 repeats the one before it."""
    return None if draw.index == 0 or draw.index % 17 else draw.index - 1


def _in_turn(target: Table) -> Follow:
    return by(lambda draw: draw.index % max(target.size, 1), target)


def _of_type(*kinds: str, link: Follow) -> Follow:
    """A reference that only rows of certain types have."""
    return lambda draw: link(draw) if draw.table.fields["type"](draw) in kinds else None


def _either(*names: str) -> Follow:
    """The first of several references that a row has."""

    def follow(draw: Draw) -> Draw | None:
        found = (draw.table.follow(name, draw) for name in names)
        return next((one for one in found if one is not None), None)

    return follow


def _one_of(spread: Spread, position: int) -> Follow:
    def follow(draw: Draw) -> Draw | None:
        found = spread(draw)
        return found[position] if found else None

    return follow


def _lists(store: Store) -> dict[tuple[str, str], Spread]:
    definitions, matters = store.tables["custom_fields"], store.tables["matters"]

    def one_matter(draw: Draw) -> Sequence[Draw]:
        index = draw.index % max(matters.size, 1)
        return [matters.draw(index)] if matters.alive(index) else []

    def options(draw: Draw) -> Sequence[Draw]:
        if draw.table.fields["field_type"](draw) != "picklist":
            return ()
        return [inside(draw, PICKLIST, position) for position in range(PICKLIST_OPTIONS)]

    many: dict[tuple[str, str], Spread] = {
        ("bills", "matters"): one_matter,
        ("interest_charges", "matters"): one_matter,
        ("matters", "custom_field_values"): _custom_values(definitions, "Matter"),
        ("contacts", "custom_field_values"): _custom_values(definitions, "Contact"),
        ("custom_fields", "picklist_options"): options,
    }
    for name in ("matter_contacts", "related_contacts"):
        for field in ("email_addresses", "phone_numbers", "custom_field_values"):
            many[name, field] = _of_contact(field)
    return many


PICKLIST = salt("picklist")
PICKLIST_OPTIONS = 4
_FILLED_PERCENT = 60


def _custom_values(definitions: Table, parent_type: str) -> Spread:
    """One value for most custom fields of a kind; ``position`` is the definition's row."""
    field_salt = salt(f"custom.{parent_type}")
    of_parent = definitions.fields["parent_type"]
    count = definitions.size
    wanted = [index for index in range(count) if of_parent(definitions.draw(index)) == parent_type]
    return lambda draw: [
        inside(draw, field_salt, index)
        for index in wanted
        if chance(draw.fixed, field_salt + index, _FILLED_PERCENT) and definitions.alive(index)
    ]


def _of_contact(name: str) -> Spread:
    def spread(draw: Draw) -> Sequence[Draw]:
        contact = draw.table.follow("contact", draw)
        return () if contact is None else contact.table.many[name][1](contact)

    return spread
