"""Values of records, from short words that say of which kind they are.

A field is described by a text: a kind, and what it needs, ``choice open|paid`` or ``ref users.id``;
``?`` at its end makes some of the values null. A mapping is an object, which is null in as many per
cent of the records as its key ``?`` says; a list of one description is a list of zero to three
values, and ``[description, least, most]`` one of so many. ``=text``, numbers, booleans and null
stand for themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TypeAlias

from syncline.sandbox import words
from syncline.sandbox.randomness import below, chance, choose, mix, salt
from syncline.sandbox.values import day, hexadecimal, link, money, person, rate, uuid

_NULLS = salt("vendor.null")
_COUNT = salt("vendor.count")
_NULL_PERCENT = 20
_DAY = 86400
_LETTERS = "0123456789abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One record being made: ``fixed`` never changes, ``bits`` do with every change."""

    index: int
    fixed: int
    bits: int
    created: int
    updated: int
    #: A field of the row that this one belongs to.
    parent: Callable[[str], object]
    #: A field of a row of another list: list, alias, field.
    other: Callable[[str, str, str], object]
    #: -1 for a record, and a place in a list for what is inside one.
    position: int = -1


Value: TypeAlias = Callable[[Made], object]


def instant(form: str, seconds: int) -> object:
    """A moment as an API writes it: a number, or a text of this pattern."""
    match form:
        case "epoch":
            return seconds
        case "epoch_ms":
            return seconds * 1000
        case "epoch_text":
            return f"{seconds}.{seconds % 1000:06d}"
        case _:
            return datetime.fromtimestamp(seconds, UTC).strftime(_PATTERNS[form])


_PATTERNS: Mapping[str, str] = {
    "iso": "%Y-%m-%dT%H:%M:%SZ",
    "millis": "%Y-%m-%dT%H:%M:%S.000Z",
    "plain": "%Y-%m-%dT%H:%M:%S",
    "offset": "%Y-%m-%dT%H:%M:%S+00:00",
    "jira": "%Y-%m-%dT%H:%M:%S.000+0000",
}


def identity(made: Made, form: str, name_salt: int) -> object:
    """The id of a record, or of what is inside one: a number, or a text that begins as told."""
    number = made.fixed >> 24
    if made.position < 0:
        number = (name_salt % 900 + 100) * 1_000_000 + made.index * 3 + (made.fixed >> 60) % 3
    match form:
        case "":
            return number
        case "text":
            return str(number)
        case "uuid":
            return uuid(made.fixed, name_salt)
        case "order":
            return made.index + 1
        case _:
            return form + _base36(mix(number ^ name_salt))


def _base36(number: int) -> str:
    letters = []
    for _ in range(10):
        number, letter = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[letter])
    return "".join(letters)


def compiled(described: object, owner: str, instants: str) -> Value:
    """A maker of values. Raises ValueError for words that mean nothing."""
    match described:
        case str():
            return _of_text(described, owner, instants)
        case Mapping():
            return _of_object(described, owner, instants)
        case [inner]:
            return _of_list(compiled(inner, f"{owner}.", instants), owner, 0, 3)
        case [inner, int(least), int(most)]:
            return _of_list(compiled(inner, f"{owner}.", instants), owner, least, most)
        case _:
            return lambda _: described


def _of_object(described: Mapping[object, object], owner: str, instants: str) -> Value:
    nulls = described.get("?", 0)
    share = nulls if isinstance(nulls, int) else 0
    inner = {
        str(name): compiled(each, f"{owner}.{name}", instants)
        for name, each in described.items()
        if name != "?"
    }
    own = salt(owner)

    def make(made: Made) -> object:
        if share and chance(made.fixed, own ^ _NULLS, share):
            return None
        return {name: each(made) for name, each in inner.items()}

    return make


def _of_list(inner: Value, owner: str, least: int, most: int) -> Value:
    own = salt(owner)

    def make(made: Made) -> object:
        count = least + below(made.bits, own ^ _COUNT, most - least + 1)
        return [inner(_inside(made, own, position)) for position in range(count)]

    return make


def _inside(made: Made, own: int, position: int) -> Made:
    place = own ^ ((position + 1) * 0x5851F42D4C957F2D)
    return replace(
        made, fixed=mix(made.fixed ^ place), bits=mix(made.bits ^ place), position=position
    )


def _of_text(described: str, owner: str, instants: str) -> Value:
    if described.startswith("="):
        return lambda _: described[1:]
    nullable = described.endswith("?")
    kind, _, more = described.removesuffix("?").strip().partition(" ")
    value = _of_kind(kind, more, owner, instants)
    if not nullable:
        return value
    own = salt(owner) ^ _NULLS
    return lambda made: None if chance(made.bits, own, _NULL_PERCENT) else value(made)


def _of_kind(kind: str, more: str, owner: str, instants: str) -> Value:
    own = salt(owner)
    if kind in _MAKERS:
        maker = _MAKERS[kind]
        return lambda made: maker(made.bits, own)
    if kind not in _ABOUT:
        raise ValueError(f"{owner}: {kind!r} is no kind of value")
    about = _ABOUT[kind]
    if kind in {"created", "updated", "moment"}:
        more = more or instants
    return lambda made: about(made, more, own)


def _choice(made: Made, more: str, own: int) -> object:
    return choose(made.bits, own, more.split("|"))


def _other(made: Made, more: str, _own: int) -> object:
    name, _, field = more.partition(".")
    target, _, alias = name.partition("@")
    return made.other(target, alias or target, field)


def _date(made: Made, more: str, own: int) -> object:
    return day(made.created, below(made.bits, own, 60) - 30) + more


def _moment(made: Made, more: str, own: int) -> object:
    return instant(more, made.created + below(made.bits, own, 90 * _DAY))


#: Kinds of which more is told, and that follow from the record.
_ABOUT: Mapping[str, Callable[[Made, str, int], object]] = {
    "id": identity,
    "created": lambda made, more, _: instant(more, made.created),
    "updated": lambda made, more, _: instant(more, made.updated),
    "moment": _moment,
    "date": _date,
    "integer": lambda made, more, own: below(made.bits, own, int(more or 40)),
    "choice": _choice,
    "code": lambda made, more, _: f"{more}{made.index + 1:05d}",
    "parent": lambda made, more, _: made.parent(more),
    "ref": _other,
}
_MAKERS: Mapping[str, Callable[[int, int], object]] = {
    "text": words.text,
    "title": words.title,
    "word": words.word,
    "name": person,
    "first": lambda bits, own: choose(bits, own, words.FIRST_NAMES),
    "last": lambda bits, own: choose(bits, own, words.LAST_NAMES),
    "company": lambda bits, own: (
        f"{choose(bits, own, words.COMPANIES)} {choose(bits, own ^ _COUNT, words.SUFFIXES)}"
    ),
    "email": words.email,
    "phone": words.phone,
    "url": link,
    "street": words.street,
    "city": lambda bits, own: choose(bits, own, words.CITIES),
    "province": lambda bits, own: choose(bits, own, words.PROVINCES),
    "country": lambda bits, own: choose(bits, own, words.COUNTRIES),
    "currency": lambda bits, own: choose(bits, own, ("USD", "CAD", "EUR", "GBP")),
    "zone": lambda bits, own: choose(bits, own, ("America/New_York", "Europe/London", "UTC")),
    "money": money,
    "cents": lambda bits, own: below(bits, own, 500_000),
    "rate": rate,
    "hours": lambda bits, own: (1 + below(bits, own, 36)) / 4,
    "number": lambda bits, own: below(bits, own, 100_000) / 100,
    "boolean": lambda bits, own: chance(bits, own, 50),
    "usually": lambda bits, own: chance(bits, own, 90),
    "rarely": lambda bits, own: chance(bits, own, 10),
    "uuid": uuid,
    "hex": hexadecimal,
}
