"""Clio fields that depend on each other: kinds and what they leave empty, totals, dates."""

from syncline.sandbox import clio_people, words
from syncline.sandbox.randomness import below, chance, choose, salt
from syncline.sandbox.readers import (
    count_of,
    field_of,
    fixed,
    nullable,
    only_for,
    reference_id,
    when_trashed,
)
from syncline.sandbox.rows import Draw, Generator, Store
from syncline.sandbox.values import code, day, identity, money, rate

_KIND = salt("kind")
_TICK = 360
_HOUR = 3600
_DISCOUNT_KINDS = ("no_tax", "tax_1_only")
CUSTOM_TYPES = (
    "text_line", "checkbox", "contact", "currency", "date", "time", "email", "matter", "numeric",
    "picklist", "text_area", "url",
)  # fmt: skip
_BILL_STATES = (
    "paid",
    "paid",
    "paid",
    "awaiting_payment",
    "awaiting_payment",
    "draft",
    "awaiting_approval",
    "void",
)
_ACTIVITY_KINDS = (
    ("TimeEntry",) * 14 + ("ExpenseEntry",) * 3 + ("HardCostEntry",) * 2 + ("SoftCostEntry",)
)


def _activities() -> dict[str, Generator]:
    def kind(draw: Draw) -> str:
        return choose(draw.fixed, _KIND, _ACTIVITY_KINDS)

    quantity_salt, price_salt, paid_salt = salt("quantity"), salt("price"), salt("on_bill")
    time = ("TimeEntry",)

    def ticks(draw: Draw) -> int:
        return 1 + below(draw.bits, quantity_salt, 80)

    def hours(draw: Draw) -> float:
        return ticks(draw) * _TICK / _HOUR

    def price(draw: Draw) -> float:
        return (
            rate(draw.bits, price_salt)
            if kind(draw) == "TimeEntry"
            else money(draw.bits, price_salt)
        )

    def quantity(draw: Draw) -> float:
        return (
            float(ticks(draw) * _TICK) if kind(draw) == "TimeEntry" else float(ticks(draw) % 5 + 1)
        )

    def whole(draw: Draw) -> float:
        units = hours(draw) if kind(draw) == "TimeEntry" else float(ticks(draw) % 5 + 1)
        return round(units * price(draw), 2)

    def free(draw: Draw) -> bool:
        return chance(draw.bits, quantity_salt, 15)

    def on_bill(draw: Draw) -> bool:
        return draw.table.follow("bill", draw) is not None

    return {
        "type": kind,
        "date": lambda draw: day(
            draw.table.created[draw.index], -below(draw.fixed, quantity_salt, 14)
        ),
        "quantity": quantity,
        "rounded_quantity": only_for(time, kind, quantity),
        "quantity_in_hours": only_for(time, kind, hours),
        "rounded_quantity_in_hours": only_for(time, kind, hours),
        "quantity_redacted": fixed(value=False),
        "price": price,
        "total": lambda draw: 0.0 if free(draw) else whole(draw),
        "non_billable": free,
        "non_billable_total": lambda draw: whole(draw) if free(draw) else 0.0,
        "on_bill": on_bill,
        "billed": lambda draw: on_bill(draw) and chance(draw.fixed, paid_salt, 60),
        "reference": only_for(("HardCostEntry",), kind, lambda draw: code(draw.bits, price_salt)),
        "tax_setting": lambda draw: choose(draw.bits, paid_salt, _DISCOUNT_KINDS),
    }


def _matters() -> dict[str, Generator]:
    states = ("Open",) * 7 + ("Pending",) + ("Closed",) * 2
    state_salt, title_salt = salt("matter.status"), salt("matter.title")

    def status(draw: Draw) -> str:
        return choose(draw.bits, state_salt, states)

    def display(draw: Draw) -> str:
        client = draw.table.follow("client", draw)
        name = "" if client is None else str(client.table.fields["name"](client))
        return f"{draw.index + 1:05d}-{name.split(' ')[-1]}"

    def opened(draw: Draw) -> str:
        return day(draw.table.created[draw.index])

    return {
        "number": lambda draw: draw.index + 1,
        "display_number": display,
        "status": status,
        "client_id": reference_id("client"),
        "description": lambda draw: (
            f"{words.title(draw.bits, title_salt)} {choose(draw.bits, title_salt, words.WORDS)}"
        ),
        "open_date": lambda draw: None if status(draw) == "Pending" else opened(draw),
        "pending_date": lambda draw: opened(draw) if status(draw) == "Pending" else None,
        "close_date": only_for(
            ("Closed",), status, lambda draw: day(draw.table.updated[draw.index])
        ),
        "maildrop_address": lambda draw: f"matter-{draw.index + 1}@maildrop.example.com",
    }


def _bills() -> dict[str, Generator]:
    amount_salt, state_salt, tax_salt = salt("bill.amount"), salt("bill.state"), salt("bill.tax")

    def state(draw: Draw) -> str:
        if draw.table.trashed(draw.index) is not None:
            return "deleted"
        return choose(draw.bits, state_salt, _BILL_STATES)

    def before_tax(draw: Draw) -> float:
        return abs(money(draw.bits, amount_salt))

    def tax(draw: Draw) -> float:
        return round(before_tax(draw) * tax_rate(draw) / 100, 2)

    def tax_rate(draw: Draw) -> float:
        return choose(draw.fixed, tax_salt, (0.0, 5.0, 12.5))

    def total(draw: Draw) -> float:
        return round(before_tax(draw) + tax(draw), 2)

    def settled(draw: Draw) -> float:
        return total(draw) if state(draw) == "paid" else 0.0

    def open_amount(draw: Draw) -> float:
        return 0.0 if state(draw) in ("paid", "void", "deleted") else total(draw)

    def issued(draw: Draw) -> str:
        return day(draw.table.created[draw.index])

    return {
        "number": lambda draw: str(draw.index + 1),
        "type": lambda draw: "MatterBill" if draw.index % 9 else "ClientBill",
        "state": state,
        "tax_rate": tax_rate,
        "sub_total": before_tax,
        "services_sub_total": before_tax,
        "tax_sum": tax,
        "total_tax": tax,
        "total": total,
        "paid": settled,
        "pending": fixed(0.0),
        "balance": open_amount,
        "due": open_amount,
        "issued_at": only_for(("paid", "awaiting_payment", "void", "deleted"), state, issued),
        "due_at": lambda draw: day(draw.table.created[draw.index], 30),
        "paid_at": only_for(
            ("paid",), state, lambda draw: draw.table.stamp(draw.table.updated[draw.index])
        ),
        "available_state_transitions": lambda draw: (
            ["awaiting_approval"] if state(draw) == "draft" else []
        ),
    }


def _custom_fields() -> dict[str, Generator]:
    name_salt = salt("custom.name")
    return {
        "field_type": lambda draw: CUSTOM_TYPES[draw.index % len(CUSTOM_TYPES)],
        "parent_type": lambda draw: ("Contact", "Matter")[draw.index // len(CUSTOM_TYPES) % 2],
        "name": lambda draw: (
            f"{choose(draw.fixed, name_salt, words.WORDS).title()} {draw.index + 1}"
        ),
        "deleted": lambda draw: draw.table.trashed(draw.index) is not None,
        "display_order": lambda draw: draw.index,
    }


def _documents(kind: str) -> dict[str, Generator]:
    name_salt = salt("document.name")

    def name(draw: Draw) -> str:
        suffix = "" if kind == "Folder" else ".pdf"
        return f"{choose(draw.bits, name_salt, words.WORDS)} {draw.index + 1}{suffix}"

    return {
        "type": fixed(kind),
        "name": lambda draw: "Root" if kind == "Folder" and draw.index == 0 else name(draw),
        "filename": name,
        "root": lambda draw: draw.index == 0,
        "deleted_at": when_trashed,
        "size": lambda draw: below(draw.bits, name_salt, 5_000_000),
    }


def _pairs(first: str, second: str) -> Generator:
    return lambda draw: second if draw.index % 3 == 0 else first


def _rest(store: Store) -> dict[str, dict[str, Generator]]:
    name_salt = salt("rest")
    transaction = salt("transaction")

    def amount(draw: Draw) -> float:
        return money(draw.bits, transaction)

    def entry_start(draw: Draw) -> int:
        return draw.table.created[draw.index] + below(draw.bits, transaction, 80) * 86400

    def text_id(draw: Draw) -> str:
        return str(identity(draw))

    currencies = (("USD", "$"), ("CAD", "$"), ("GBP", "£"), ("EUR", "€"), ("JPY", "¥"))
    return {
        "allocations": {
            "voided_at": nullable(
                lambda draw: draw.table.stamp(draw.table.updated[draw.index]), "voided", 92
            ),
            "payment_type": lambda draw: choose(
                draw.bits, name_salt, ("Check", "Credit Card", "Wire")
            ),
        },
        "bank_transactions": {
            "amount": amount,
            "funds_in": lambda draw: max(amount(draw), 0.0),
            "funds_out": lambda draw: max(-amount(draw), 0.0),
            "bank_account_id": reference_id("bank_account"),
            "currency_id": lambda _draw: store.tables["currencies"].identity(0),
            "type": _pairs("liability", "asset"),
        },
        "bank_accounts": {
            "currency_id": lambda _draw: float(store.tables["currencies"].identity(0)),
            "type": _pairs("Trust", "Operating"),
        },
        "calendar_entries": {
            "id": text_id,
            "start_at": lambda draw: draw.table.stamp(entry_start(draw)),
            "end_at": lambda draw: draw.table.stamp(entry_start(draw) + _HOUR),
            "start_date": lambda draw: day(entry_start(draw)),
            "end_date": lambda draw: day(entry_start(draw) + _HOUR),
            "calendar_owner_id": reference_id("calendar_owner"),
            "parent_calendar_entry_id": reference_id("parent_calendar_entry"),
            "time_entries_count": count_of(store, "activities", "calendar_entry"),
        },
        "comments": {"deleted_at": when_trashed},
        "communications": {"time_entries_count": count_of(store, "activities", "communication")},
        "conversations": {
            "message_count": count_of(store, "conversation_messages", "conversation")
        },
        "court_rules_matter_dockets": {
            "deleted_at": when_trashed,
            "status": lambda draw: choose(
                draw.bits, name_salt, ("completed", "in_progress", "failed")
            ),
        },
        "currencies": {
            "code": lambda draw: currencies[draw.index % 5][0],
            "sign": lambda draw: currencies[draw.index % 5][1],
        },
        "activity_rates": {
            "contact_id": reference_id("contact"),
            "co_counsel_contact_id": reference_id("co_counsel_contact"),
        },
        "activity_descriptions": {
            "utbms_activity_id": reference_id("utbms_activity"),
            "utbms_task_id": reference_id("utbms_task"),
            "utbms_task_name": field_of("utbms_task", "name"),
            "type": _pairs("clio", "utbms"),
        },
        "billable_matters": {
            "id": reference_id("matter"),
            "display_number": field_of("matter", "display_number"),
            "currency_id": lambda _draw: store.tables["currencies"].identity(0),
        },
        "billable_clients": {
            "id": reference_id("contact"),
            "name": field_of("contact", "name"),
            "billable_matters_count": count_of(store, "billable_matters", "billable_client"),
        },
        "document_versions": {
            "document_id": reference_id("document"),
            "version_number": lambda draw: 1 if draw.index < store.tables["documents"].size else 2,
            "fully_uploaded": fixed(value=True),
        },
        "matter_stages": {
            "practice_area_id": lambda draw: str(reference_id("practice_area")(draw))
        },
        "notes": {
            "type": _pairs("Matter", "Contact"),
            "time_entries_count": count_of(store, "activities", "matter_note"),
        },
        "outstanding_client_balances": {
            "associated_matter_ids": lambda draw: [store.tables["matters"].identity(draw.index)],
        },
        "report_schedules": {
            "report_preset_id": lambda draw: store.tables["report_presets"].identity(draw.index),
            "days_of_week": lambda draw: [1, 3, 5] if chance(draw.bits, name_salt, 50) else [],
        },
        "task_types": {"deleted_at": when_trashed},
        "tasks": {
            "completed_at": only_for(
                ("complete",),
                lambda draw: draw.table.fields["status"](draw),
                lambda draw: draw.table.stamp(draw.table.updated[draw.index]),
            ),
            "permission": _pairs("public", "private"),
            "time_entries_count": count_of(store, "activities", "task"),
        },
        "task_template_lists": {
            "templates_count": count_of(store, "task_templates", "task_template_list")
        },
        "utbms_codes": {"utbms_set_id": reference_id("set")},
        "webhooks": {
            "events": lambda draw: ["created", "updated", "deleted"][: 1 + draw.index % 3]
        },
    }


def specific(store: Store) -> dict[str, dict[str, Generator]]:
    """Generators by table and field that go before the general ones."""
    return {
        **_rest(store),
        **clio_people.of_matters(store),
        "activities": _activities(),
        "matters": _matters(),
        "contacts": clio_people.contacts(store),
        "users": clio_people.users(),
        "bills": _bills(),
        "custom_fields": _custom_fields(),
        "documents": _documents("Document"),
        "folders": _documents("Folder"),
    }
