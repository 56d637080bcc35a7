"""How each Clio schema is read: from its own table, another table, or inside a row."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from syncline.sandbox import clio_links, describe, links, values, words
from syncline.sandbox.clio_links import PICKLIST, PICKLIST_OPTIONS
from syncline.sandbox.randomness import below, chance, choose, salt
from syncline.sandbox.rows import Draw, Follow, Generator, Spread, Store, Table, inside

_VALUE = salt("custom.value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Readers of one schema: plain fields, references, lists of references."""

    schema: describe.Schema
    fields: Mapping[str, Generator]
    single: Mapping[str, Follow]
    many: Mapping[str, Spread]


class Shapes:
    """Shapes by schema name, made when first asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Shape] = {}

    def of(self, name: str) -> Shape:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._make(describe.clio().schemas[name])
        return known

    def of_list(self, entry: describe.ClioList, table: Table) -> Shape:
        """The shape of a list's rows, read from the given table (``folders/list`` has two)."""
        single = {name: _following(name) for name in entry.schema.nested if name in table.single}
        many = {name: _spreading(name) for name in entry.schema.nested if name in table.many}
        return Shape(
            schema=entry.schema,
            fields={name: table.fields[name] for name in entry.schema.fields},
            single=single,
            many=many,
        )

    def _make(self, schema: describe.Schema) -> Shape:
        table_name = clio_links.table_of(schema.name)
        table = self._store.tables.get(table_name or "")
        special = self._special().get(schema.name, {})
        fields: dict[str, Generator] = {}
        for name, kind in schema.fields.items():
            own = table.fields.get(name) if table is not None else None
            fields[name] = (
                special.get(name)
                or own
                or values.generator(schema.name, name, kind.name, kind.choices)
            )
        single: dict[str, Follow] = {}
        many: dict[str, Spread] = {}
        for name, association in schema.nested.items():
            if table is not None and association.many and name in table.many:
                many[name] = _spreading(name)
            elif table is not None and not association.many and name in table.single:
                single[name] = _following(name)
            elif association.many:
                many[name] = links.within_list(f"{schema.name}.{name}", 1)
            else:
                single[name] = self._inner_single(schema.name, name, association.schema)
        return Shape(schema=schema, fields=fields, single=single, many=many)

    def _inner_single(self, owner: str, name: str, target: str) -> Follow:
        if owner == "CustomFieldValue":
            return self._of_custom_value(name)
        table = self._store.tables.get(clio_links.table_of(target) or "")
        key = f"{owner}.{name}"
        return links.within(key, 60) if table is None else links.toward(table, key, percent=80)

    def _of_custom_value(self, name: str) -> Follow:
        definitions = self._store.tables["custom_fields"]

        def definition(draw: Draw) -> Draw | None:
            return definitions.draw(draw.position) if definitions.alive(draw.position) else None

        def option(draw: Draw) -> Draw | None:
            found = definition(draw)
            if found is None or definitions.fields["field_type"](found) != "picklist":
                return None
            return inside(found, PICKLIST, below(draw.bits, _VALUE, PICKLIST_OPTIONS))

        def selected(table: Table, kind: str) -> Follow:
            def follow(draw: Draw) -> Draw | None:
                found = definition(draw)
                if (
                    found is None
                    or definitions.fields["field_type"](found) != kind
                    or not table.size
                ):
                    return None
                return table.draw(below(draw.bits, _VALUE, table.size))

            return follow

        match name:
            case "custom_field":
                return definition
            case "picklist_option":
                return option
            case "matter":
                return selected(self._store.tables["matters"], "matter")
            case _:
                return selected(self._store.tables["contacts"], "contact")

    def _special(self) -> Mapping[str, Mapping[str, Generator]]:
        return {
            "Participant": _PARTICIPANT,
            "UnredactedParticipant": _PARTICIPANT,
            "ClioCreator": {"type": lambda _draw: "ManageUser"},
            "Attendee": {"type": lambda _draw: "Contact", "email": _email_of},
            "PolymorphicObject": _POLYMORPHIC,
            "PicklistOption": {"deleted_at": lambda _draw: None, "option": _option_name},
            "CustomFieldValue": self._custom_value(),
            "Event": {"subject_type": lambda _draw: "Matter"},
            "AccountBalance": {
                "currency_id": lambda _draw: self._store.tables["currencies"].identity(0)
            },
        }

    def _custom_value(self) -> Mapping[str, Generator]:
        definitions = self._store.tables["custom_fields"]
        tables = self._store.tables

        def of_definition(name: str) -> Generator:
            return lambda draw: definitions.fields[name](definitions.draw(draw.position))

        kind = of_definition("field_type")

        def value(draw: Draw) -> object:
            return _custom(draw, str(kind(draw)), definitions, tables)

        def composite(draw: Draw) -> str:
            return f"{kind(draw)}-{draw.fixed >> 20}"

        return {
            "id": composite,
            "field_name": of_definition("name"),
            "field_type": kind,
            "field_required": of_definition("required"),
            "field_displayed": of_definition("displayed"),
            "field_display_order": of_definition("display_order"),
            "value": value,
            "soft_deleted": of_definition("deleted"),
        }


def _custom(draw: Draw, kind: str, definitions: Table, tables: Mapping[str, Table]) -> object:
    """The value of a custom field: its JSON type follows the field's type."""
    if kind in ("contact", "matter"):
        table = tables[f"{kind}s"]
        return table.identity(below(draw.bits, _VALUE, table.size)) if table.size else None
    if kind == "picklist":
        place = below(draw.bits, _VALUE, PICKLIST_OPTIONS)
        return values.identity(inside(definitions.draw(draw.position), PICKLIST, place))
    if kind == "date":
        return values.day(draw.table.created[draw.index], below(draw.bits, _VALUE, 400))
    return _SIMPLE.get(kind, words.word)(draw.bits, _VALUE)


_SIMPLE: Mapping[str, Callable[[int, int], object]] = {
    "checkbox": lambda bits, field_salt: chance(bits, field_salt, 50),
    "currency": values.money,
    "numeric": values.money,
    "time": lambda bits, field_salt: f"{below(bits, field_salt, 24):02d}:30",
    "email": words.email,
    "text_area": words.text,
    "url": values.link,
}


def _option_name(draw: Draw) -> str:
    return f"{choose(draw.fixed, _VALUE, words.WORDS)} {draw.position + 1}"


def _email_of(draw: Draw) -> object:
    made = draw.table.fields.get("email") or draw.table.fields.get("primary_email_address")
    return made(draw) if made is not None else None


_PARTICIPANT: Mapping[str, Generator] = {
    "type": lambda draw: "User" if draw.table.name == "users" else draw.table.fields["type"](draw),
    "name": lambda draw: draw.table.label(draw),
    "identifier": _email_of,
    "secondary_identifier": lambda _draw: None,
    "enabled": lambda _draw: True,
    "job_title_name": lambda draw: choose(
        draw.fixed, _VALUE, ("Partner", "Associate", "Paralegal")
    ),
}
_POLYMORPHIC: Mapping[str, Generator] = {
    "id": values.identity,
    "type": lambda draw: draw.table.kind(draw),
    "identifier": lambda draw: draw.table.label(draw),
    "secondary_identifier": lambda _draw: None,
    "tertiary_identifier": lambda _draw: None,
}


def _following(name: str) -> Follow:
    return lambda draw: draw.table.follow(name, draw)


def _spreading(name: str) -> Spread:
    return lambda draw: draw.table.many[name][1](draw)
