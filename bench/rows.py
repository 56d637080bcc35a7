"""The benchmark's table: activities of 25 members each, deterministic, rendered once to a file."""

import json
import mmap
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache

ROWS_PER_PAGE = 200
FIRST_ID = 10_000_000
FIRST_DAY = date(2024, 7, 1)
DAYS = 500
#: Rows that change have these places on every page: 1 % of all rows.
CHANGED_PLACES = (50, 150)
#: What a change adds to a row's total.
RISE = 1.25

_TEMPLATES = 40
_DAY = "@@@@-@@-@@"
_SEED = 20_261_122
#: Latest second of a day, UTC, at which a row that never changes may have been updated.
_QUIET = 79_200 + 5 * 3_600

_TEXT = """
    reviewed draft settlement agreement with client re terms and conditions conference call
    with opposing counsel telephone prepared motion for extension of time hearing correspondence
    research statute of limitations filing fees court travel deposition exhibits e-mail invoice
"""
#: One note in twenty has some of these.
_RARE_TEXT = """
    café Zürich naïve façade Müller & Söhne 株式会社 “draft” §12(b) Łódź привет <urgent> €450 🙂
"""
_WORDS, _RARE_WORDS = _TEXT.split(), _RARE_TEXT.split()
_NAMES = (
    "Ana Brown",
    "Bernard Cole",
    "Chloé d'Arcy",
    "Diana Evans",
    "Eve O'Neil",
    "Frank Green",
    "Grace Hill",
    "李 小龍",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """One row of a template: everything but its id and its day."""

    #: JSON text after the id, with the day left open.
    rest: bytes
    cents: int
    note: str | None
    matter: int
    #: Seconds of ``updated_at`` since the start of its day, UTC.
    updated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    rows: tuple[_Row, ...]
    #: The page with the ids left open, as a bytes format.
    text: bytes
    #: Where each row starts, and the end plus one; the same on every page of this template.
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a right copy of the table holds."""

    rows: int
    total: float
    updated_at: str
    notes: int
    note_characters: int
    matters: int


class Rows:
    """All rows in a temporary file, page after page."""

    def __init__(self, rows: int) -> None:
        if rows % ROWS_PER_PAGE:
            raise ValueError(f"{rows} is no multiple of {ROWS_PER_PAGE}")
        self.pages = rows // ROWS_PER_PAGE
        self.rows = rows
        self._pages_per_day = max(1, self.pages // DAYS)
        self._starts: list[int] = []
        self._changed_at: datetime | None = None
        self._changed: dict[int, bytes] = {}
        with tempfile.TemporaryFile() as file:
            position = 0
            for page in range(self.pages):
                self._starts.append(position)
                position += file.write(self._render(page))
            file.flush()
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._starts.append(position)
        self._view = memoryview(self._map)

    @property
    def last_day(self) -> date:
        return self._day(self.pages - 1)

    @property
    def size(self) -> int:
        """Bytes of JSON in all pages."""
        return self._starts[-1]

    def between(self, since: date | None, until: date | None) -> tuple[int, int]:
        """Return the range of row indices whose date is in these days, both inclusive."""
        per_day = self._pages_per_day * ROWS_PER_PAGE
        start = 0 if since is None else max(0, (since - FIRST_DAY).days * per_day)
        stop = self.rows if until is None else ((until - FIRST_DAY).days + 1) * per_day
        start, stop = min(start, self.rows), max(0, min(stop, self.rows))
        return start, max(start, stop)

    def text(self, start: int, stop: int) -> bytes | memoryview:
        """Return rows ``start`` to ``stop`` as JSON objects with commas in between."""
        page, place = divmod(start, ROWS_PER_PAGE)
        whole = place == 0 and stop - start == ROWS_PER_PAGE
        if whole and not self._changed:
            return self._view[self._starts[page] : self._starts[page + 1]]
        return b",".join(self.row(index) for index in range(start, stop))

    def row(self, index: int) -> bytes:
        """Return one row as it is now."""
        if index in self._changed:
            return self._changed[index]
        page, place = divmod(index, ROWS_PER_PAGE)
        starts, offset = _template(page % _TEMPLATES).starts, self._starts[page]
        return bytes(self._view[offset + starts[place] : offset + starts[place + 1] - 1])

    def change(self, now: datetime) -> None:
        """Change 1 % of the rows, all at this time."""
        at = now.astimezone(UTC).replace(microsecond=0)
        self._changed_at = at
        for index in self._changing():
            row = json.loads(self.row(index))
            row["total"] = round(row["total"] + RISE, 2)
            row["updated_at"] = at.isoformat()
            self._changed[index] = _json(row)

    def restore(self) -> None:
        """Undo the change, as if it had never been."""
        self._changed_at = None
        self._changed.clear()

    def changed_since(self, since: datetime) -> list[int] | None:
        """Return the indices of rows updated at or after a time; None: all rows.

        Raises `ValueError` for a time inside the history, which the benchmark never asks for.
        """
        if since <= _instant(FIRST_DAY, 0):
            return None
        if since < _instant(self.last_day, _QUIET):
            raise ValueError(f"updated_since={since} is neither before nor after the history")
        if self._changed_at is not None:
            return sorted(self._changed) if since <= self._changed_at else []
        return [i for i in self._changing() if self._updated_at(i) >= since]

    def expected(self) -> Expected:
        """Return the figures of a right copy, as the table is now."""
        cents = notes = characters = matters = 0
        for page in range(self.pages):
            figures = _figures(page % _TEMPLATES)
            cents, notes = cents + figures[0], notes + figures[1]
            characters, matters = characters + figures[2], matters + figures[3]
        latest = self._changed_at or max(
            self._updated_at(index) for index in range(self.rows - ROWS_PER_PAGE, self.rows)
        )
        return Expected(
            rows=self.rows,
            total=round(cents / 100 + RISE * len(self._changed), 2),
            updated_at=latest.isoformat(),
            notes=notes,
            note_characters=characters,
            matters=matters,
        )

    def _changing(self) -> Iterator[int]:
        for page in range(self.pages):
            for place in CHANGED_PLACES:
                yield page * ROWS_PER_PAGE + place

    def _updated_at(self, index: int) -> datetime:
        page, place = divmod(index, ROWS_PER_PAGE)
        return _instant(self._day(page), _template(page % _TEMPLATES).rows[place].updated)

    def _day(self, page: int) -> date:
        return FIRST_DAY + timedelta(days=page // self._pages_per_day)

    def _render(self, page: int) -> bytes:
        first = FIRST_ID + page * ROWS_PER_PAGE
        text = _template(page % _TEMPLATES).text % tuple(range(first, first + ROWS_PER_PAGE))
        return text.replace(_DAY.encode(), self._day(page).isoformat().encode())


@cache
def _template(number: int) -> _Template:
    rows = tuple(_row(number, place) for place in range(ROWS_PER_PAGE))
    starts = [0]
    for row in rows:
        starts.append(starts[-1] + len(b'{"id":12345678,') + len(row.rest) + 1)
    return _Template(
        rows=rows,
        text=b",".join(b'{"id":%d,' + row.rest.replace(b"%", b"%%") for row in rows),
        starts=tuple(starts),
    )


@cache
def _figures(number: int) -> tuple[int, int, int, int]:
    rows = _template(number).rows
    notes = [row.note for row in rows if row.note is not None]
    return (
        sum(row.cents for row in rows),
        len(notes),
        sum(map(len, notes)),
        sum(row.matter for row in rows),
    )


def _row(template: int, place: int) -> _Row:
    chance = random.Random(_SEED + template * ROWS_PER_PAGE + place)  # noqa: S311 (no secret)
    minutes = chance.randrange(6, 600, 6)
    price = chance.randrange(8_000, 60_000)
    cents = round(price * minutes / 60)
    note = _note(chance)
    matter = chance.randrange(1_000_000, 1_002_000)
    # The rows that change are the last ones of their day, so that what was updated at or after
    # the latest time known is exactly the rows that changed, however the question is put.
    second = 86_399 if place in CHANGED_PLACES else chance.randrange(3_600, _QUIET - 5 * 3_600)
    created = max(0, second - chance.randrange(3_600))
    offset = 5 if place in CHANGED_PLACES else chance.choice((4, 5))
    kind = chance.choice(("TimeEntry", "TimeEntry", "ExpenseEntry", "HardCostEntry"))
    described = chance.random() < 0.7
    row = {
        "etag": f'"{chance.getrandbits(128):032x}"',
        "type": kind,
        "date": _DAY,
        "quantity": float(minutes * 60),
        "quantity_in_hours": minutes / 60,
        "rounded_quantity": minutes * 60,
        "price": price / 100,
        "total": cents / 100,
        "non_billable_total": chance.choice((0.0, 0.0, 12.5)),
        "tax_setting": chance.choice(("no_tax", "tax_1_only", "tax_1_and_tax_2")),
        "note": note,
        "reference": f"REF-{chance.randrange(10**6):06d}" if chance.random() < 0.4 else None,
        "billed": chance.random() < 0.5,
        "on_bill": chance.random() < 0.3,
        "flat_rate": False,
        "non_billable": chance.random() < 0.1,
        "no_charge": chance.choice((False, False, None)),
        "bill_number": chance.randrange(1, 90_000) if chance.random() < 0.5 else None,
        "created_at": _local(created, offset),
        "updated_at": _local(second, offset),
        "matter": {
            "id": matter,
            "etag": f'"{chance.getrandbits(64):016x}"',
            "display_number": f"{matter % 100_000:05d}-{chance.choice(_NAMES)}",
        },
        "user": {"id": chance.randrange(300, 340), "name": chance.choice(_NAMES)},
        "activity_description": (
            {"id": chance.randrange(70, 99), "name": " ".join(chance.choices(_WORDS, k=3))}
            if described
            else None
        ),
        "labels": [
            {"id": chance.randrange(500), "name": chance.choice(_WORDS)}
            for _ in range(chance.choice((0, 0, 1, 2, 3)))
        ],
    }
    rest = _json(row).removeprefix(b"{")
    updated = second + offset * 3_600
    return _Row(rest=rest, cents=cents, note=note, matter=matter, updated=updated)


def _note(chance: random.Random) -> str | None:
    if chance.random() < 0.1:
        return None
    words = chance.choices(_WORDS, k=chance.choice((4, 10, 20, 40, 65)))
    if chance.random() < 0.05:
        words += chance.choices(_RARE_WORDS, k=5)
    if chance.random() < 0.1:
        words.append('"as discussed"')
    split = 8 if chance.random() < 0.2 else len(words)
    return f"{' '.join(words[:split])}\n{' '.join(words[split:])}".strip()


def _local(second: int, offset: int) -> str:
    hours, rest = divmod(second, 3_600)
    return f"{_DAY}T{hours:02d}:{rest // 60:02d}:{rest % 60:02d}-{offset:02d}:00"


def _instant(day: date, seconds: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)


def _json(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # Clio's server writes these three as escapes.
    for sign in "&<>":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text.encode()
