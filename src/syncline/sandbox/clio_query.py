"""Which rows of a Clio list a request means, in which order, and which of them make its page."""

import base64
import binascii
import functools
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from syncline.sandbox import describe
from syncline.sandbox.clio_conditions import ArgumentError, Test, pointed, seconds, value_of
from syncline.sandbox.clio_filters import Where, test_for
from syncline.sandbox.clio_shapes import Shape, Shapes
from syncline.sandbox.options import Options
from syncline.sandbox.randomness import salt
from syncline.sandbox.rows import Store, Table

SOURCE_BITS = 40
_INDEX_MASK = (1 << SOURCE_BITS) - 1
_OFFSET_MAX = 10_000
_KEPT_SELECTIONS = 32
_NOT_FILTERS = {
    "fields", "limit", "page_token", "order", "offset", "custom_field_ids[]", "scope",
    "include_deleted", "updated_since", "created_since",
}  # fmt: skip
_ORDER_FIELDS = {
    "client_name": "client.name", "matter_display_number": "matters", "due_at_strict": "due_at",
    "last_modified": "updated_at", "last_modified_at": "updated_at", "set": "utbms_set_id",
    "document_number": "id", "clients": "client.name", "author": "author.name",
    "matter": "matter.display_number", "matter_id": "matter.id",
    "display_number": "matter.display_number", "category.name": "document_category.name",
    "last_message_id": "last_message.id", "date": "start_date", "permission": "private",
}  # fmt: skip


class MissingFilterError(Exception):
    """The list answers nothing without a filter that the request does not name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A list request: its query parameters, and the parent in its path as (reference, row)."""

    entry: describe.ClioList
    parameters: tuple[tuple[str, str], ...]
    parent: tuple[str, int] | None = None

    def last(self, name: str) -> str | None:
        return next((value for key, value in reversed(self.parameters) if key == name), None)

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.parameters if key == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows of a page as codes (source << 40 | row), the total, parameters of the neighbours."""

    codes: Sequence[int]
    total: int
    following: tuple[str, str] | None
    previous: tuple[str, str] | None


def split(code: int) -> tuple[int, int]:
    return code >> SOURCE_BITS, code & _INDEX_MASK


class Selections:
    """Which rows match, in which order; remembers requests until something changes."""

    def __init__(self, store: Store, shapes: Shapes, options: Options) -> None:
        self._store = store
        self._shapes = shapes
        self._options = options
        self._known: dict[object, Sequence[int]] = {}
        self._version = store.version

    def sources(self, entry: describe.ClioList) -> tuple[Table, ...]:
        """The tables of a list: one, but two for the contents of folders."""
        tables = self._store.tables
        return (
            (tables["folders"], tables["documents"])
            if entry.table == "items"
            else (tables[entry.table],)
        )

    def page(self, asked: Asked) -> Page:
        """The page a request asks for. Raises ArgumentError and MissingFilterError."""
        missing = [name for name in asked.entry.required if not asked.last(name)]
        if missing:
            raise MissingFilterError(f"The parameter {missing[0]} is required.")
        limit = self._limit(asked)
        field, descending = self._order(asked)
        matches = self.matching(asked, field, descending=descending)
        offset_text = asked.last("offset")
        token = asked.last("page_token")
        if token is not None or (offset_text is None and field == "id" and not descending):
            return _keyset(matches, token, limit)
        offset = _whole(offset_text or "0", "offset")
        if offset > _OFFSET_MAX:
            raise ArgumentError(
                "The offset can be at most 10000; order by id(asc) to walk further."
            )
        total = len(matches)
        return Page(
            codes=matches[offset : offset + limit],
            total=total,
            following=("offset", str(offset + limit)) if offset + limit < total else None,
            previous=("offset", str(max(offset - limit, 0))) if offset else None,
        )

    def matching(
        self, asked: Asked, field: str = "id", *, descending: bool = False
    ) -> Sequence[int]:
        """All rows a request means, in an order."""
        if self._version != self._store.version or len(self._known) > _KEPT_SELECTIONS:
            self._known.clear()
            self._version = self._store.version
        filters = tuple(
            pair
            for pair in asked.parameters
            if pair[0] not in ("fields", "limit", "page_token", "offset")
        )
        key = (asked.entry.path, asked.parent, filters, field, descending)
        known = self._known.get(key)
        if known is None:
            found = self._ordered(asked, self._select(asked), field, descending=descending)
            known = found if isinstance(found, range) else array("q", found)
            self._known[key] = known
        return known

    def _limit(self, asked: Asked) -> int:
        text, largest = asked.last("limit"), asked.entry.limit
        if text is None:
            return largest
        limit = _whole(text, "limit")
        if limit < 1 or (limit > largest and self._options.limit_over == "refuse"):
            raise ArgumentError(f"limit must be between 1 and {largest}.")
        return min(limit, largest)

    def _order(self, asked: Asked) -> tuple[str, bool]:
        text = asked.last("order") or asked.entry.default_order
        name, _, direction = text.partition("(")
        if name not in asked.entry.orders | {"id"} or direction not in ("asc)", "desc)"):
            raise ArgumentError(f"order cannot be {text}.")
        return name, direction == "desc)"

    def _select(self, asked: Asked) -> Sequence[int]:
        tables = self.sources(asked.entry)
        if len(tables) == 1:
            return self._of_table(asked, tables[0])
        found: list[int] = []
        for number, table in enumerate(tables):
            found.extend((number << SOURCE_BITS) | index for index in self._of_table(asked, table))
        return found

    def _of_table(self, asked: Asked, table: Table) -> Sequence[int]:
        where = Where(
            store=self._store,
            shapes=self._shapes,
            entry=asked.entry,
            table=table,
            shape=self._shapes.of_list(asked.entry, table),
        )
        tests = [
            *self._parent(asked, table),
            *self._trash(asked, table),
            *self._since(asked, table),
        ]
        tests.extend(self._scope(asked, table))
        for name in dict.fromkeys(key for key, _ in asked.parameters):
            if name in _NOT_FILTERS or (
                name == "parent_id" and table.name in ("documents", "folders")
            ):
                continue
            if name in asked.entry.filters or name.startswith("custom_field_values["):
                test = test_for(where, name, asked.all(name))
                if test is not None:
                    tests.append(test)
        if not tests:
            return table.indexes()
        if len(tests) == 1:
            only = tests[0]
            return [index for index in table.indexes() if only(index)]
        return [index for index in table.indexes() if all(test(index) for test in tests)]

    def _parent(self, asked: Asked, table: Table) -> list[Test]:
        if asked.parent is None:
            return []
        reference, row = asked.parent
        children = frozenset(self._store.backward(table.name, reference).get(row, ()))
        return [children.__contains__]

    def _trash(self, asked: Asked, table: Table) -> list[Test]:
        if table.name not in ("documents", "folders") or asked.last("include_deleted") == "true":
            return []
        return [lambda index: table.trashed(index) is None]

    def _since(self, asked: Asked, table: Table) -> list[Test]:
        tests: list[Test] = []
        for name, times in (("updated_since", table.updated), ("created_since", table.created)):
            text = asked.last(name)
            if text is not None and name in asked.entry.filters:
                after = seconds(text, name)
                tests.append(_later(times, after, inclusive=self._options.inclusive_since))
        return tests

    def _scope(self, asked: Asked, table: Table) -> list[Test]:
        """Children or descendants of a folder; ``folders/list`` defaults to the root's."""
        if table.name not in ("documents", "folders"):
            return []
        text, scope = asked.last("parent_id"), asked.last("scope")
        folders = self._store.tables["folders"]
        if text is None:
            if asked.entry.table != "items":
                return []
            above: int | None = 0
        elif text == "null":
            return [lambda index: table.follow("parent", table.draw(index)) is None]
        else:
            above = folders.find(text)
        if above is None:
            return [lambda _index: False]

        def child(index: int) -> bool:
            found = table.follow("parent", table.draw(index))
            return found is not None and found.index == above

        def descendant(index: int) -> bool:
            found = table.follow("parent", table.draw(index))
            while found is not None and found.index != above:
                found = folders.follow("parent", found)
            return found is not None

        return [descendant if scope == "descendants" else child]

    def _ordered(
        self, asked: Asked, found: Sequence[int], field: str, *, descending: bool
    ) -> Sequence[int]:
        if field == "id":
            return found[::-1] if descending else found
        tables = self.sources(asked.entry)
        readers = [
            _sort_value(table, self._shapes.of_list(asked.entry, table), field) for table in tables
        ]

        def key(code: int) -> tuple[bool, object]:
            source, index = split(code)
            value = readers[source](index)
            return value is not None, value if value is not None else 0

        return sorted(found, key=key, reverse=descending)


def _later(times: Sequence[int], after: float, *, inclusive: bool) -> Test:
    if inclusive:
        return lambda index: times[index] >= after
    return lambda index: times[index] > after


def _sort_value(table: Table, shape: Shape, field: str) -> Callable[[int], object]:
    if field not in shape.fields:
        field = _ORDER_FIELDS.get(field, field)
    reference, _, inner = field.partition(".")
    if not inner:
        return value_of(table, shape, field) if field in shape.fields else lambda _index: None
    if inner == "id":
        return pointed(table, reference)

    def value(index: int) -> object:
        found = table.follow(reference, table.draw(index)) if reference in table.single else None
        return None if found is None else found.table.fields[inner](found)

    return value


def _keyset(matches: Sequence[int], token: str | None, limit: int) -> Page:
    start = 0
    if token is not None:
        direction, code = _read_token(token)
        start = (
            bisect_right(matches, code)
            if direction == "a"
            else max(bisect_left(matches, code) - limit, 0)
        )
    codes = matches[start : start + limit]
    more = start + limit < len(matches)
    return Page(
        codes=codes,
        total=len(matches),
        following=("page_token", _token("a", codes[-1])) if more and codes else None,
        previous=("page_token", _token("b", codes[0])) if start and codes else None,
    )


def _token(direction: str, code: int) -> str:
    text = f"{direction}{code:x}.{salt(f'{direction}{code}') & 0xFFFF:04x}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@functools.lru_cache(maxsize=1024)
def _read_token(token: str) -> tuple[str, int]:
    try:
        text = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode("ascii")
        direction, code = text[0], int(text[1:].partition(".")[0], 16)
    except (binascii.Error, ValueError, IndexError):
        raise ArgumentError("page_token is not one that was given out.") from None
    if direction not in "ab" or _token(direction, code) != token:
        raise ArgumentError("page_token is not one that was given out.")
    return direction, code


def _whole(text: str, name: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ArgumentError(f"{name} must be a whole number.") from None
    if number < 0:
        raise ArgumentError(f"{name} cannot be negative.")
    return number
