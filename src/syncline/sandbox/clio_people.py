"""Clio's contacts, users, and the lists that show the contacts of a matter once more."""

from collections.abc import Callable, Sequence

from syncline.sandbox import words
from syncline.sandbox.randomness import below, chance, choose, salt
from syncline.sandbox.readers import field_of, nullable, only_for, reference_id
from syncline.sandbox.rows import Draw, Generator, Store
from syncline.sandbox.values import day, person

_KIND = salt("kind")
_PERSON_PERCENT = 75


def contacts(store: Store) -> dict[str, Generator]:
    first_salt, last_salt, company_salt = salt("first_name"), salt("last_name"), salt("company")

    def kind(draw: Draw) -> str:
        return "Person" if chance(draw.fixed, _KIND, _PERSON_PERCENT) else "Company"

    def first(draw: Draw) -> str:
        return choose(draw.bits, first_salt, words.FIRST_NAMES)

    def last(draw: Draw) -> str:
        return choose(draw.bits, last_salt, words.LAST_NAMES)

    def name(draw: Draw) -> str:
        if kind(draw) == "Person":
            return f"{first(draw)} {last(draw)}"
        company = choose(draw.bits, company_salt, words.COMPANIES)
        return f"{company} {choose(draw.bits, last_salt, words.SUFFIXES)}"

    def child(table: str, field: str, position: int) -> Generator:
        def generate(draw: Draw) -> object:
            found = store.backward(table, "contact").get(draw.index, ())
            if len(found) <= position:
                return None
            owner = store.tables[table]
            return owner.fields[field](owner.draw(found[position]))

        return generate

    def initials(draw: Draw) -> str:
        return f"{first(draw)[0]}{last(draw)[0]}"

    person_only = ("Person",)
    born = salt("born")
    return {
        "type": kind,
        "name": name,
        "first_name": only_for(person_only, kind, first),
        "last_name": only_for(person_only, kind, last),
        "middle_name": only_for(
            person_only, kind, lambda draw: choose(draw.bits, born, ("", "", "J.", "Marie"))
        ),
        "initials": initials,
        "date_of_birth": only_for(
            person_only, kind, lambda draw: day(below(draw.fixed, born, 1_000_000_000))
        ),
        "primary_email_address": child("email_addresses", "address", 0),
        "secondary_email_address": child("email_addresses", "address", 1),
        "primary_phone_number": child("phone_numbers", "number", 0),
        "secondary_phone_number": child("phone_numbers", "number", 1),
        "client_connect_user_id": nullable(lambda draw: draw.index + 1, "client_connect", 90),
    }


def users() -> dict[str, Generator]:
    name_salt = salt("user.name")

    def name(draw: Draw) -> str:
        return person(draw.fixed, name_salt)

    roles = ("Admin", "Billing", "Accounts", "Reports")
    return {
        "name": name,
        "first_name": lambda draw: choose(draw.fixed, name_salt, words.FIRST_NAMES),
        "last_name": lambda draw: choose(draw.fixed, name_salt ^ 7, words.LAST_NAMES),
        "initials": lambda draw: "".join(part[0] for part in name(draw).split(" ")[:2]),
        "email": lambda draw: f"user{draw.index + 1}@example.com",
        "account_owner": lambda draw: draw.index == 0,
        "enabled": lambda draw: draw.index == 0 or chance(draw.bits, name_salt, 92),
        "default_calendar_id": lambda draw: draw.index + 1,
        "roles": lambda draw: (
            ["Admin"] if draw.index == 0 else [choose(draw.bits, name_salt, roles)]
        ),
    }


def of_matters(store: Store) -> dict[str, dict[str, Generator]]:
    """Lists that show contacts of a matter once more, field by field."""
    table = store.tables["contacts"]
    borrowed = (
        "type", "name", "first_name", "last_name", "middle_name", "initials",
        "primary_email_address", "secondary_email_address", "primary_phone_number",
        "secondary_phone_number",
    )  # fmt: skip

    def client(draw: Draw) -> bool:
        return draw.index < store.tables["matters"].size

    def stamp_of(times: Callable[[], Sequence[int]]) -> Generator:
        def generate(draw: Draw) -> object:
            found = draw.table.follow("contact", draw)
            return None if found is None else table.stamp(times()[found.index])

        return generate

    shared = {name: field_of("contact", name) for name in borrowed}
    return {
        "matter_contacts": {
            **shared,
            "matter_id": reference_id("matter"),
            "matter_number": field_of("matter", "display_number"),
            "description": field_of("matter", "description"),
            "is_client": client,
            "relationship_name": lambda draw: "Client" if client(draw) else "Witness",
            "contact_created_at": stamp_of(lambda: table.created),
            "contact_updated_at": stamp_of(lambda: table.updated),
        },
        "related_contacts": {**shared, "contact_id": reference_id("contact")},
    }
