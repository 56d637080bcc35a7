"""What Clio's rows point at: every association of every table, most by default, some by their own rule."""

from collections.abc import Callable, Mapping, Sequence

from syncline.sandbox import describe
from syncline.sandbox.randomness import below, chance, salt
from syncline.sandbox.rows import Draw, Follow, Spread, Store, Table, inside

_PRESENT = salt("present")
_USUALLY = 60
_SHARE: Mapping[str, int] = {
    "user": 97, "matter": 92, "contact": 90, "client": 100, "currency": 100, "author": 100, "creator": 95,
    "bank_account": 100, "responsible_attorney": 90, "group": 40, "practice_area": 85, "jurisdiction": 100,
    "trigger": 100, "service_type": 80, "task_template_list": 100, "communication": 5, "matter_note": 4,
    "contact_note": 2, "calendar_entry": 5, "task": 8, "document_version": 40, "utbms_expense": 10,
    "parent_calendar_entry": 6, "original_bill": 3, "matter_docket": 8, "timer": 3, "statute_of_limitations": 15,
    "text_message_conversation": 2, "legal_aid_uk_activity": 2, "client_portal": 3, "related": 50, "company": 25,
}  # fmt: skip
# Schemas that are another table's rows under another name.
ALIASES: Mapping[str, str] = {
    "Activity_CalendarEntry": "calendar_entries",
    "Activity_Task": "tasks",
    "Activity_TextMessageConversation": "conversations",
    "Attendee": "users",
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


def _tables() -> dict[str, str]:
    return {
        entry.schema.name: entry.table for entry in describe.clio().lists if entry.table != "items"
    }


def toward(target: Table, name: str, *, percent: int = 100) -> Follow:
    """A reference to any row the table began with, in some percent of rows."""
    field_salt = salt(f"toward.{target.name}.{name}")

    def follow(draw: Draw) -> Draw | None:
        if target.size == 0 or (
            percent < 100 and not chance(draw.fixed, field_salt ^ _PRESENT, percent)
        ):  # noqa: PLR2004 (percent)
            return None
        return target.draw(below(draw.fixed, field_salt, target.size))

    return follow


def by(pick: Callable[[Draw], int | None], target: Table) -> Follow:
    """A reference by row number."""

    def follow(draw: Draw) -> Draw | None:
        index = pick(draw)
        return None if index is None or not 0 <= index < target.size else target.draw(index)

    return follow


def through(*names: str) -> Follow:
    """The reference of a reference."""

    def follow(draw: Draw) -> Draw | None:
        found: Draw | None = draw
        for name in names:
            if found is None:
                return None
            found = found.table.follow(name, found)
        return found

    return follow


def several(target: Table, name: str, *, most: int = 2) -> Spread:
    """None to ``most`` different rows of a table."""
    field_salt = salt(f"several.{target.name}.{name}")

    def spread(draw: Draw) -> Sequence[Draw]:
        if target.size == 0:
            return ()
        count = below(draw.fixed, field_salt ^ _PRESENT, most + 1)
        wanted = sorted(
            {below(draw.fixed, field_salt + step, target.size) for step in range(count)}
        )
        return [target.draw(index) for index in wanted if target.alive(index)]

    return spread


def backward(store: Store, child: str, reference: str) -> Spread:
    """The rows of another table that point at this one."""

    def spread(draw: Draw) -> Sequence[Draw]:
        table = store.tables[child]
        return [table.draw(index) for index in store.backward(child, reference).get(draw.index, ())]

    return spread


def within(name: str, percent: int) -> Follow:
    field_salt = salt(f"within.{name}")
    return lambda draw: (
        inside(draw, field_salt, 0) if chance(draw.fixed, field_salt, percent) else None
    )


def within_list(name: str, most: int) -> Spread:
    field_salt = salt(f"within.{name}")
    return lambda draw: [
        inside(draw, field_salt, position)
        for position in range(below(draw.fixed, field_salt, most + 1))
    ]


def connect(store: Store) -> None:
    """Give every table its references."""
    hidden = _hidden(store)
    single, many = _own(store)
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


def _own(store: Store) -> tuple[dict[tuple[str, str], Follow], dict[tuple[str, str], Spread]]:
    """Associations with a rule of their own, so that rows that belong together say so."""
    tables = store.tables
    bills, matters, folders, notes = (
        tables["bills"],
        tables["matters"],
        tables["folders"],
        tables["notes"],
    )
    activities, allocations = tables["activities"], tables["allocations"]
    note = toward(notes, "activities.note", percent=4)

    def of_type(*kinds: str, link: Follow) -> Follow:
        return lambda draw: link(draw) if draw.table.fields["type"](draw) in kinds else None

    def note_of(wanted: str) -> Follow:
        def follow(draw: Draw) -> Draw | None:
            found = note(draw)
            return found if found is not None and notes.fields["type"](found) == wanted else None

        return follow

    def bill_of_activity(draw: Draw) -> Draw | None:
        matter = draw.table.follow("matter", draw)
        if matter is None or matter.index >= bills.size or not chance(draw.fixed, _PRESENT, 40):
            return None
        return bills.draw(matter.index)

    def subject_of_reminder(draw: Draw) -> Draw | None:
        return draw.table.follow("task", draw) or draw.table.follow("calendar_entry", draw)

    def last(spread: Spread, position: int) -> Follow:
        def follow(draw: Draw) -> Draw | None:
            found = spread(draw)
            return found[position] if found else None

        return follow

    versions = backward(store, "document_versions", "document")
    messages = backward(store, "conversation_messages", "conversation")
    expense = ("ExpenseEntry", "HardCostEntry", "SoftCostEntry")
    matter_of_bill = by(lambda draw: draw.index % max(matters.size, 1), matters)
    activity_of_line = by(lambda draw: draw.index * 2, activities)
    usual_matter = toward(matters, "notes.matter")
    usual_contact = toward(tables["contacts"], "notes.contact")
    single: dict[tuple[str, str], Follow] = {
        ("activities", "activity_description"): of_type(
            "TimeEntry", link=toward(tables["activity_descriptions"], "activities", percent=75)
        ),
        ("activities", "expense_category"): of_type(
            *expense, link=toward(tables["expense_categories"], "activities", percent=90)
        ),
        ("activities", "vendor"): of_type(
            "HardCostEntry", link=toward(tables["contacts"], "vendor")
        ),
        ("activities", "bill"): bill_of_activity,
        ("activities", "matter_note"): note_of("Matter"),
        ("activities", "contact_note"): note_of("Contact"),
        ("activities", "subject"): lambda draw: (
            draw.table.follow("task", draw) or draw.table.follow("calendar_entry", draw)
        ),
        ("notes", "matter"): of_type("Matter", link=usual_matter),
        ("notes", "contact"): of_type("Contact", link=usual_contact),
        ("bills", "client"): lambda draw: (
            None if (matter := matter_of_bill(draw)) is None else matters.follow("client", matter)
        ),
        ("line_items", "activity"): activity_of_line,
        ("line_items", "matter"): through("activity", "matter"),
        ("line_items", "user"): through("activity", "user"),
        ("allocations", "parent"): toward(tables["credit_memos"], "allocations", percent=60),
        ("allocations", "matter"): lambda draw: matter_of_bill(draw),
        ("allocations", "bill"): by(lambda draw: draw.index % max(bills.size, 1), bills),
        ("allocations", "contact"): through("matter", "client"),
        ("bank_transactions", "allocation"): by(lambda draw: draw.index, allocations),
        ("bank_transactions", "client"): through("matter", "client"),
        ("log_entries", "item"): toward(matters, "log_entries"),
        ("reminders", "subject"): subject_of_reminder,
        ("documents", "latest_document_version"): last(versions, -1),
        ("conversations", "last_message"): last(messages, -1),
        ("conversations", "first_message"): last(messages, 0),
        ("conversation_messages", "conversation"): by(
            lambda draw: draw.index % max(tables["conversations"].size, 1), tables["conversations"]
        ),
        ("folders", "parent"): by(
            lambda draw: (draw.index - 1) // 8 if draw.index else None, folders
        ),
        ("documents", "parent"): toward(folders, "documents"),
        ("folders", "latest_document_version"): lambda _draw: None,
        ("billable_matters", "client"): through("matter", "client"),
        ("internal_notifications_my_events", "event"): within("event", 100),
        ("related_contacts", "relationship"): by(lambda draw: draw.index, tables["relationships"]),
        ("matter_contacts", "relationship"): by(
            lambda draw: draw.index - matters.size, tables["relationships"]
        ),
        ("calendar_entries", "parent_calendar_entry"): by(
            lambda draw: draw.index - 1 if draw.index % 17 == 16 else None,  # noqa: PLR2004 (one of 17 recurs)
            tables["calendar_entries"],
        ),
    }
    one_matter: Spread = lambda draw: (
        [matters.draw(draw.index % matters.size)] if matters.size else []
    )  # noqa: E731 (typed)
    many: dict[tuple[str, str], Spread] = {
        ("bills", "matters"): one_matter,
        ("interest_charges", "matters"): one_matter,
        ("matters", "custom_field_values"): _custom_values(tables["custom_fields"], "Matter"),
        ("contacts", "custom_field_values"): _custom_values(tables["custom_fields"], "Contact"),
        ("custom_fields", "picklist_options"): lambda draw: (
            [inside(draw, PICKLIST, position) for position in range(PICKLIST_OPTIONS)]
            if draw.table.fields["field_type"](draw) == "picklist"
            else []
        ),
    }
    for name in ("matter_contacts", "related_contacts"):
        for field in ("email_addresses", "phone_numbers", "custom_field_values"):
            many[name, field] = _of_contact(field)
    return single, many


PICKLIST = salt("picklist")
PICKLIST_OPTIONS = 4
_FILLED_PERCENT = 60


def _custom_values(definitions: Table, parent_type: str) -> Spread:
    """The values of a row: one for most custom fields of its kind; ``position`` is the definition's row."""
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
