"""QuickBooks' SELECT: one text, read as strictly as its documentation describes it."""

import operator
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from syncline.sandbox.vendor_pages import BadRequestError
from syncline.sandbox.vendor_rows import Record, VendorList, VendorRows, at

_SIZE, _MOST = 100, 1000
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:\\.|[^'\\])*')|(?P<number>\d+(?:\.\d+)?)|(?P<word>[A-Za-z][\w.]*)"
    r"|(?P<sign><=|>=|[=<>(),*]))"
)
_ALWAYS = {"Id", "MetaData.CreateTime", "MetaData.LastUpdatedTime"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Condition:
    name: str
    operator: str
    values: tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Select:
    entity: str
    count: bool
    conditions: tuple[_Condition, ...]
    #: Name, and whether the greatest comes first.
    order: tuple[tuple[str, bool], ...]
    start: int
    size: int


def selected(rows: VendorRows, parameters: Mapping[str, str]) -> object:
    """The answer to a SELECT; BadRequestError: it is none, LookupError: there is no such entity."""
    for name in parameters:
        if name not in rows.vendor.accepts:
            raise BadRequestError(f"There is no parameter {name}.")
    asked = _parsed(parameters.get("query", ""))
    listed = [each for each in rows.lists.values() if each.described.entity == asked.entity]
    if not listed:
        raise LookupError(f"There is no entity {asked.entity}.")
    found = list(_matching(listed[0], asked))
    if asked.count:
        return {"QueryResponse": {"totalCount": len(found)}}
    for name, descending in reversed(asked.order):
        _known(listed[0], name)
        found.sort(key=_key(name), reverse=descending)
    page = found[asked.start - 1 : asked.start - 1 + asked.size]
    if not page:
        return {"QueryResponse": {}}
    shown = [_without_nulls(record) for record in page]
    return {
        "QueryResponse": {
            asked.entity: shown,
            "startPosition": asked.start,
            "maxResults": len(shown),
        }
    }


def _key(name: str) -> Callable[[Record], tuple[int, float, str]]:
    return lambda record: _ordered(at(record, name))


def _matching(listed: VendorList, asked: _Select) -> Iterator[Record]:
    names = {condition.name for condition in asked.conditions}
    for name in names:
        _known(listed, name)
    tests = [_test(condition) for condition in asked.conditions]
    for row in listed.listed():
        record = listed.record(row)
        # Who does not ask for inactive names does not get them.
        if "Active" not in names and record.get("Active") is False:
            continue
        if all(test(record) for test in tests):
            yield record


def _known(listed: VendorList, name: str) -> None:
    if name not in _ALWAYS and name not in listed.described.selects:
        raise BadRequestError(f"property '{name}' is not queryable")


def _test(condition: _Condition) -> Callable[[Record], bool]:
    first = _ordered(condition.values[0])

    def test(record: Record) -> bool:
        own = at(record, condition.name)
        if own is None:
            return False
        value = _ordered(own)
        if condition.operator == "IN":
            return value in [_ordered(each) for each in condition.values]
        if condition.operator == "LIKE":
            pattern = re.escape(str(condition.values[0])).replace("%", ".*")
            return re.fullmatch(pattern, str(own), re.IGNORECASE) is not None
        return _COMPARE[condition.operator](value, first)

    return test


_COMPARE: Mapping[str, Callable[[tuple[int, float, str], tuple[int, float, str]], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _ordered(value: object) -> tuple[int, float, str]:
    """What values are compared by: numbers by size, moments by time, all else as texts."""
    if isinstance(value, bool):
        return 0, float(value), ""
    text = str(value)
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return 1, float(text), ""
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}T.*", text):
        try:
            return 2, datetime.fromisoformat(text).timestamp(), ""
        except ValueError:
            raise BadRequestError(f"'{text}' is no time") from None
    return 3, 0.0, text.lower()


def _without_nulls(value: object) -> object:
    match value:
        case Mapping():
            return {n: _without_nulls(v) for n, v in value.items() if v not in (None, {})}
        case list():
            return [_without_nulls(each) for each in value]
        case _:
            return value


def _parsed(text: str) -> _Select:
    words = _Words(list(_tokens(text)))
    words.expect("SELECT")
    count = words.take("COUNT")
    if count:
        words.expect("(")
    words.expect("*")
    if count:
        words.expect(")")
    words.expect("FROM")
    entity = words.name()
    conditions: list[_Condition] = []
    if words.take("WHERE"):
        conditions.append(_condition(words))
        while words.take("AND"):
            conditions.append(_condition(words))
    order: list[tuple[str, bool]] = []
    if words.take("ORDERBY"):
        order.append(_order(words))
        while words.take(","):
            order.append(_order(words))
    start = words.number() if words.take("STARTPOSITION") else 1
    size = words.number() if words.take("MAXRESULTS") else _SIZE
    words.end()
    if start < 1 or not 0 < size <= _MOST:
        raise BadRequestError(f"STARTPOSITION begins with 1, and MAXRESULTS may be 1 to {_MOST}")
    return _Select(
        entity=entity, count=count, conditions=tuple(conditions), order=tuple(order),
        start=start, size=size,
    )  # fmt: skip


def _condition(words: "_Words") -> _Condition:
    name = words.name()
    compares = words.any().upper()
    if compares not in {*_COMPARE, "IN", "LIKE"}:
        raise BadRequestError(f"{compares} is no operator")
    if compares != "IN":
        return _Condition(name=name, operator=compares, values=(words.value(),))
    words.expect("(")
    values = [words.value()]
    while words.take(","):
        values.append(words.value())
    words.expect(")")
    return _Condition(name=name, operator=compares, values=tuple(values))


def _order(words: "_Words") -> tuple[str, bool]:
    name = words.name()
    if words.take("DESC"):
        return name, True
    words.take("ASC")
    return name, False


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place, text = 0, text.rstrip()
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise BadRequestError(f"unexpected {text[place : place + 20]!r}")
        kind = str(found.lastgroup)
        yield kind, found[kind]
        place = found.end()


class _Words:
    """The words of a SELECT, taken one after the other."""

    def __init__(self, words: Sequence[tuple[str, str]]) -> None:
        self._words = words
        self._place = 0

    def take(self, word: str) -> bool:
        """Take this word if it is the next one."""
        kind, text = self._next()
        if kind == "text" or text.upper() != word:
            return False
        self._place += 1
        return True

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise BadRequestError(f"expected {word}, found {self._next()[1]!r}")

    def any(self) -> str:
        text = self._next()[1]
        self._place += 1
        return text

    def name(self) -> str:
        kind, text = self._next()
        if kind != "word":
            raise BadRequestError(f"expected a name, found {text!r}")
        self._place += 1
        return text

    def number(self) -> int:
        kind, text = self._next()
        if kind != "number" or not text.isdecimal():
            raise BadRequestError(f"expected a whole number, found {text!r}")
        self._place += 1
        return int(text)

    def value(self) -> object:
        kind, text = self._next()
        self._place += 1
        match kind:
            case "text":
                return re.sub(r"\\(.)", r"\1", text[1:-1])
            case "number":
                return float(text)
            case "word" if text.lower() in {"true", "false"}:
                return text.lower() == "true"
            case _:
                raise BadRequestError(f"expected a value, found {text!r}")

    def end(self) -> None:
        if self._place < len(self._words):
            raise BadRequestError(f"unexpected {self._next()[1]!r}")

    def _next(self) -> tuple[str, str]:
        return self._words[self._place] if self._place < len(self._words) else ("end", "")
