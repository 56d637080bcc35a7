"""Tests of a row by its fields and references, and the readers they are made of."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from syncline.sandbox.clio_shapes import Shape
from syncline.sandbox.rows import Table

Test = Callable[[int], bool]
Value = Callable[[int], object]


class ArgumentError(Exception):
    """A query parameter has a value that cannot be understood."""


def value_of(table: Table, shape: Shape, name: str) -> Value:
    """A plain field of a row, changes included."""
    read = shape.fields[name]
    values = table.changes.values

    def value(index: int) -> object:
        changed = values.get(index)
        return changed[name] if changed and name in changed else read(table.draw(index))

    return value


def pointed(table: Table, *names: str) -> Callable[[int], object]:
    """The id at the end of a chain of references, None where it breaks."""

    def value(index: int) -> object:
        draw = table.draw(index)
        for name in names:
            found = draw.table.follow(name, draw)
            if found is None:
                return None
            draw = found
        return draw.table.identity(draw.index)

    return value


def seconds(text: str, name: str) -> float:
    """An ISO-8601 instant or date as seconds; without an offset it is read as UTC."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise ArgumentError(f"{name} is not an ISO-8601 timestamp: {text}") from None
    return (
        moment.timestamp()
        if moment.tzinfo
        else datetime.fromisoformat(f"{moment.isoformat()}+00:00").timestamp()
    )


COMPARED: Mapping[str, Callable[[str, str], bool]] = {
    ">=": lambda left, right: left >= right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    "<": lambda left, right: left < right,
    "=": lambda left, right: left == right,
}

OPERATORS = (">=", "<=", ">", "<", "=")

_SEARCHED = (
    "name", "display_number", "number", "note", "subject", "summary", "description", "title",
    "filename", "first_name", "last_name", "body", "detail", "code", "phrase",
)  # fmt: skip


def on_row(table: Table, shape: Shape, holds: Callable[[Mapping[str, object]], bool]) -> Test:
    class Row(dict[str, object]):
        """Fields of one row, read when asked for."""

        index = 0

        def __missing__(self, field: str) -> object:
            return value_of(table, shape, field)(self.index)

    def test(index: int) -> bool:
        row = Row()
        row.index = index
        return holds(row)

    return test


def compared(value: Value, operator: str, text: str, name: str) -> Test:
    compare = COMPARED[operator]
    if len(text) <= len("YYYY-MM-DD"):
        seconds(text, name)

        def on_day(index: int) -> bool:
            found = value(index)
            return found is not None and compare(str(found)[:10], text)

        return on_day
    moment = seconds(text, name)

    def at_instant(index: int) -> bool:
        found = value(index)
        if found is None:
            return False
        written = str(found)
        if "T" not in written:
            return compare(written, datetime.fromtimestamp(moment).astimezone().date().isoformat())
        at = seconds(written, name)
        return compare(f"{at:020.3f}", f"{moment:020.3f}")

    return at_instant


def all_of(value: Value, texts: Sequence[str], name: str) -> Test:
    tests: list[Test] = []
    for text in texts:
        operator = next((sign for sign in OPERATORS if text.startswith(sign)), "=")
        tests.append(compared(value, operator, text.removeprefix(operator), name))
    return lambda index: all(test(index) for test in tests)


def equals_id(value: Value, text: str) -> Test:
    if text == "null":
        return lambda index: value(index) is None
    if not text.isdigit():
        raise ArgumentError(f"{text} is not an id.")
    return lambda index: str(value(index)) == text


def equals(value: Value, kind: str, texts: Sequence[str]) -> Test:
    if kind == "boolean":
        wanted = texts[-1].lower() in ("true", "1")
        return lambda index: bool(value(index)) is wanted
    if texts[-1] == "null":
        return lambda index: value(index) is None
    accepted = {part.strip().lower() for text in texts for part in text.split(",")}
    return lambda index: (found := value(index)) is not None and str(found).lower() in accepted


def search(table: Table, shape: Shape, text: str) -> Test:
    readers = [value_of(table, shape, name) for name in _SEARCHED if name in shape.fields]
    sought = text.lower()
    return lambda index: any(
        sought in str(found).lower() for read in readers if (found := read(index)) is not None
    )


def decimal(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ArgumentError(f"{text} is not a number.") from None


def digits(number: float) -> str:
    """A number as a text that sorts as the number does, for amounts below 10^12."""
    return f"{number + 1e12:020.4f}"
