"""Readers of fields that come from somewhere else: references, counts, other fields."""

from syncline.sandbox.randomness import chance, salt
from syncline.sandbox.rows import Draw, Generator, Store, Table

_LABELS = (
    "display_number",
    "name",
    "number",
    "subject",
    "summary",
    "filename",
    "title",
    "description",
    "code",
)


def label(table: Table) -> None:
    """How a row of the table is named where another row shows it."""
    for name in _LABELS:
        made = table.fields.get(name)
        if made is not None:
            table.label = made
            return


def reference_id(name: str) -> Generator:
    """The id of the row a reference points at, as a plain field."""

    def generate(draw: Draw) -> object:
        found = draw.table.follow(name, draw)
        return None if found is None else found.table.identity(found.index)

    return generate


def field_of(reference: str, field: str) -> Generator:
    """A field of the row a reference points at."""

    def generate(draw: Draw) -> object:
        found = draw.table.follow(reference, draw)
        if found is None:
            return None
        changed = found.table.changes.values.get(found.index)
        return changed[field] if changed and field in changed else found.table.fields[field](found)

    return generate


def count_of(store: Store, child: str, reference: str) -> Generator:
    return lambda draw: len(store.backward(child, reference).get(draw.index, ()))


def when_trashed(draw: Draw) -> object:
    at = draw.table.trashed(draw.index)
    return None if at is None else draw.table.stamp(at)


def nullable(made: Generator, name: str, share: int) -> Generator:
    field_salt = salt(f"nullable.{name}")
    return lambda draw: None if chance(draw.bits, field_salt, share) else made(draw)


def only_for(kinds: tuple[str, ...], kind: Generator, made: Generator) -> Generator:
    return lambda draw: made(draw) if kind(draw) in kinds else None


def fixed(value: object) -> Generator:
    return lambda _draw: value
