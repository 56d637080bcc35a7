"""A plausible value for a field of which only the name and the type are known."""

from collections.abc import Callable, Mapping
from datetime import date

from syncline.sandbox import words
from syncline.sandbox.randomness import below, chance, choose, mix, salt
from syncline.sandbox.rows import Draw, Generator

_NULLS = salt("null")
_NULL_PERCENT = 10
_EMPTY_PERCENT = 5
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY = 86400
_MONEY_FIELDS = (
    "balance",
    "amount",
    "total",
    "tax",
    "due",
    "paid",
    "pending",
    "price",
    "fee",
    "budget",
    "cost",
)

Maker = Callable[[int, int], object]


def day(seconds: int, shift: int = 0) -> str:
    """The ISO date of an instant, some days later."""
    return date.fromordinal(_EPOCH_DAY + seconds // _DAY + shift).isoformat()


def money(bits: int, field_salt: int) -> float:
    """An amount with cents; one in 30 is negative, one in 40 has four decimals."""
    cents = below(bits, field_salt, 500_000)
    if cents % 40 == 1:
        return cents / 10_000
    return -cents / 100 if cents % 30 == 0 else cents / 100


def rate(bits: int, field_salt: int) -> float:
    return float(50 + below(bits, field_salt, 60) * 10)


def percent(bits: int, field_salt: int) -> float:
    return below(bits, field_salt, 4000) / 100


def link(bits: int, field_salt: int) -> str:
    return f"https://example.com/{words.word(bits, field_salt)}/{below(bits, field_salt, 100_000)}"


def hexadecimal(bits: int, field_salt: int) -> str:
    return f"{mix(bits ^ field_salt):016x}{mix(bits + field_salt):016x}"


def uuid(bits: int, field_salt: int) -> str:
    digits = hexadecimal(bits, field_salt)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def person(bits: int, field_salt: int) -> str:
    first = choose(bits, field_salt, words.FIRST_NAMES)
    return f"{first} {choose(bits, field_salt ^ 7, words.LAST_NAMES)}"


def code(bits: int, field_salt: int) -> str:
    return f"{chr(65 + below(bits, field_salt, 26))}{below(bits, field_salt ^ 3, 900) + 100}"


def numbered(prefix: str) -> Maker:
    return lambda bits, field_salt: f"{prefix} {below(bits, field_salt, 900) + 1}"


def one_of(*options: str) -> Maker:
    return lambda bits, field_salt: choose(bits, field_salt, options)


_EXACT: Mapping[str, Maker] = {
    "first_name": one_of(*words.FIRST_NAMES),
    "middle_name": one_of("", "J.", "Marie", "K."),
    "last_name": one_of(*words.LAST_NAMES),
    "full_name": person,
    "approved_by": person,
    "rejected_by": person,
    "submitted_by": person,
    "user_name": person,
    "action_by_user_name": person,
    "initials": code,
    "prefix": one_of("Mr", "Ms", "Dr", ""),
    "street": words.street,
    "city": one_of(*words.CITIES),
    "province": one_of(*words.PROVINCES),
    "postal_code": one_of("V6B 1A1", "10001", "M5V 2T6", "78701", "D02 X285"),
    "country": one_of(*words.COUNTRIES),
    "currency": one_of("USD"),
    "currency_iso": one_of("USD"),
    "currency_code": one_of("USD"),
    "currency_symbol": one_of("$"),
    "sign": one_of("$"),
    "time_zone": one_of("America/New_York", "America/Vancouver", "Europe/London"),
    "display_timezone": one_of("America/New_York", "America/Vancouver"),
    "start_at_time_zone": one_of("America/New_York", "America/Vancouver"),
    "uuid": uuid,
    "filename": lambda bits, field_salt: (
        f"{words.word(bits, field_salt)} {below(bits, field_salt, 999)}.pdf"
    ),
    "content_type": one_of("application/pdf", "image/png", "text/plain"),
    "address": words.email,
    "number": words.phone,
    "location": one_of("Courtroom 4", "Boardroom", "", "Zoom", "Rathaus, Zimmer 12"),
    "region": one_of("London", "Non-London"),
    "time_of_day": one_of("08:00", "17:30"),
    "start_time": one_of("09:00", "09:30", "13:15"),
    "end_time": one_of("10:00", "11:45", "17:00"),
    "field_type": one_of("text", "date"),
    "shared_secret": hexadecimal,
    "secret": hexadecimal,
    "color": one_of("#367B9C", "#FFA5A4", "#83D17F"),
    "fields": one_of("id,etag", "id,etag,updated_at"),
    "recurrence_rule": one_of("", "FREQ=WEEKLY;COUNT=4"),
    "time_span": one_of("Day", "Week"),
    "options": one_of('{"columns":["date","total"]}', "{}"),
    "config": one_of('{"font":"Lato"}', "{}"),
}
_PARTS: tuple[tuple[str, Maker], ...] = (
    ("email", words.email),
    ("phone", words.phone),
    ("url", link),
    ("link", link),
    ("qr_code", link),
    ("description", words.text),
    ("comment", words.text),
    ("note", words.text),
    ("body", words.text),
    ("detail", words.text),
    ("memo", words.text),
    ("message", words.text),
    ("snippet", words.text),
    ("subject", words.title),
    ("summary", words.title),
    ("title", words.title),
    ("name", numbered("Item")),
    ("label", numbered("Label")),
    ("number", code),
    ("code", code),
    ("key", code),
)


def _string(name: str) -> Maker:
    maker = _EXACT.get(name)
    if maker is not None:
        return maker
    for part, made in _PARTS:
        if part in name:
            return made
    return words.word


def _text(name: str, field_salt: int) -> Generator:
    """Texts are null in one row of ten and empty in one of twenty."""
    make = _string(name)

    def generate(draw: Draw) -> object:
        roll = below(draw.bits, field_salt ^ _NULLS, 100)
        if roll < _NULL_PERCENT:
            return None
        if roll < _NULL_PERCENT + _EMPTY_PERCENT:
            return ""
        return make(draw.bits, field_salt)

    return generate


def _boolean(name: str, field_salt: int) -> Generator:
    usual = ("enabled", "active", "visible", "displayed", "billable", "open", "valid", "uploaded")
    share = 88 if any(part in name for part in usual) else 25
    return lambda draw: chance(draw.bits, field_salt, share)


def _number(name: str, field_salt: int) -> Generator:
    if "rate" in name:
        return lambda draw: rate(draw.bits, field_salt)
    if "hours" in name:
        return lambda draw: below(draw.bits, field_salt, 80) / 4
    if any(part in name for part in _MONEY_FIELDS):
        return lambda draw: money(draw.bits, field_salt)
    return lambda draw: percent(draw.bits, field_salt)


def _moment(name: str, field_salt: int) -> Generator:
    if name in ("created_at", "created_date"):
        return lambda draw: draw.table.stamp(draw.table.created[draw.index])
    if name in ("updated_at", "modified_date"):
        return lambda draw: draw.table.stamp(draw.table.updated[draw.index])
    if name == "deleted_at":
        return lambda _draw: None

    def generate(draw: Draw) -> object:
        created = draw.table.created[draw.index]
        if chance(draw.bits, field_salt ^ _NULLS, 20):
            return None
        return draw.table.stamp(created + below(draw.bits, field_salt, 90 * _DAY))

    return generate


def _date(name: str, field_salt: int) -> Generator:
    nulls = 0 if name == "date" else 15

    def generate(draw: Draw) -> object:
        if nulls and chance(draw.bits, field_salt ^ _NULLS, nulls):
            return None
        return day(draw.table.created[draw.index], below(draw.bits, field_salt, 60) - 30)

    return generate


def _whole(name: str, field_salt: int) -> Generator:
    size = 5_000_000 if name == "size" else 40
    return lambda draw: below(draw.bits, field_salt, size)


def etag(draw: Draw) -> str:
    """A quoted hash of the row and how often it was changed; the quotes belong to the value."""
    version = draw.table.edits(draw.index) if draw.position < 0 else draw.bits
    return f'"{mix(draw.fixed + version):016x}{mix(draw.fixed - version):016x}"'


def identity(draw: Draw) -> object:
    """The id of a row, or of an object inside a row."""
    return draw.table.identity(draw.index) if draw.position < 0 else draw.fixed >> 20


def generator(owner: str, name: str, kind: str, choices: tuple[str, ...]) -> Generator:
    """A generator for a field, by its lower-case name and its type.

    Types: string, enum, boolean, double, int32, int64, date, datetime, and lists as ``[type]``.
    """
    field_salt = salt(f"{owner}.{name}")
    if name in _BY_NAME:
        return _BY_NAME[name]
    if kind.startswith("["):
        element = generator(owner, name.removesuffix("s"), kind[1:-1], choices)
        return lambda draw: [] if chance(draw.bits, field_salt, 30) else [element(draw)]
    if kind == "enum":
        return lambda draw: choose(draw.bits, field_salt, choices)
    if kind == "object":
        return lambda _draw: {}
    return _BY_TYPE.get(kind, _text)(name, field_salt)


_BY_NAME: Mapping[str, Generator] = {"id": identity, "etag": etag}
_BY_TYPE: Mapping[str, Callable[[str, int], Generator]] = {
    "boolean": _boolean,
    "double": _number,
    "int32": _whole,
    "int64": _whole,
    "date": _date,
    "datetime": _moment,
}
