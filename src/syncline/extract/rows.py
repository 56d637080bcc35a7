"""The records of a page as rows: compiled types that decode them, and make columns of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import pyarrow as pa

from syncline.extract import convert
from syncline.extract.convert import Misfit
from syncline.extract.envelope import Envelope
from syncline.extract.shape import Leaf, Shape
from syncline.extract.trail import Key, key_of
from syncline.model.batch import Json
from syncline.profile.columns import FlatColumn, arrow_type
from syncline.profile.formats import Format, JsonFormat
from syncline.profile.schema import Limits

_WORDS: Mapping[type, str] = {
    str: "the text",
    bool: "the boolean",
    int: "the number",
    float: "the number",
    list: "the list",
    dict: "the object",
}


class ColumnMisfit(Exception):
    """A value of some row does not fit its column."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column
        self.reason = f"column {column!r}: {reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowMisfit:
    """A record, or an element of its list, that makes no row."""

    #: As it came, in JSON.
    text: str
    reason: str
    column: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a page holds, and what is wanted of it."""

    #: The rows' columns, in order.
    columns: Sequence[FlatColumn]
    schema: pa.Schema
    #: Dotted path of the list of records; '' if the body is that list.
    records: str
    #: Dotted paths of the body that the paginator reads.
    values: Sequence[str] = ()
    #: Columns of the record that are decoded beside, to tell pages apart.
    key: Sequence[FlatColumn] = ()
    #: Dotted path of the list, in the record, whose elements are the rows; '' if records are.
    list: str = ""
    #: Numbers and booleans may be texts.
    texts: bool = False
    #: What is at ``records``: "list", "one" record, or "either", or nothing at all; "keyed" or
    #: "rows", of which the body is made a list before it is decoded.
    answer: str = "list"
    #: What bodies are written in.
    format: Format = JsonFormat(type="json")  # noqa: RUF009 (it cannot be changed)
    #: Dotted path of what the paginator reads of the last record; '' if it reads nothing of it.
    last: str = ""
    #: Greatest size of a body that is unpacked, in bytes.
    most: int = Limits.model_fields["page_bytes"].default
    #: Lists and objects inside each other that are read; None: as many as Python allows.
    depth: int | None = None


class Rows:
    """Decodes and converts what a layout describes.

    Lenient: a whole number may be written with a fraction of zero.
    """

    def __init__(self, layout: Layout, *, lenient: bool) -> None:
        self._layout = layout
        self._lenient = lenient
        self._strict = strict = not layout.texts and layout.format.type in {"json", "jsonl"}
        nested = bool(layout.list)
        self._in_record = [
            c for c in layout.columns if c.origin == ("parent" if nested else "record")
        ]
        self._in_element = [c for c in layout.columns if c.origin == "record"] if nested else []
        leaves = [self._leaf(c) for c in (*self._in_record, *layout.key)]
        self._elements = Shape([self._leaf(c) for c in self._in_element], strict=strict)
        self._list_slot = len(leaves)
        self._key_slots = range(len(self._in_record), len(leaves))
        self._key = Shape([self._leaf(c) for c in layout.key], strict=strict)
        self._read_key = msgspec.json.Decoder(self._key.type, strict=strict).decode
        path = tuple(layout.list.split("."))
        element: Any = self._elements.type
        listed = [Leaf(path=path, type=list[element] | None)] if nested else []
        texts = [Leaf(path=path, type=list[msgspec.Raw] | None)] if nested else []
        self._records = Shape([*leaves, *listed], strict=strict)
        # The same, but elements stay texts until each is looked at.
        self._loose = Shape([*leaves, *texts], strict=strict)
        answer = layout.answer if layout.answer in {"one", "either"} else "list"
        envelope = partial(Envelope, layout.records, layout.values, answer=answer, strict=strict)
        self._page = envelope(self._records.type)
        self._page_of_texts = envelope(msgspec.Raw)
        self._last = tuple(filter(None, layout.last.split(".")))
        self._last_shape = Shape([Leaf(path=self._last, type=Any)] if self._last else [])
        self._read_record = msgspec.json.Decoder(self._loose.type, strict=strict).decode
        self._read_element = msgspec.json.Decoder(self._elements.type, strict=strict).decode

    def page(self, body: bytes) -> tuple[list[msgspec.Struct], Mapping[str, Json]]:
        """Return the records of a page, and what the paginator reads of it.

        Raises `msgspec.DecodeError`, of which `msgspec.ValidationError` is one.
        """
        return self._page.decode(body)

    def values(self, body: bytes) -> Mapping[str, Json]:
        """Return what the paginator reads of a page. Raises as `page` does."""
        return self._page.values(body)

    def texts(self, body: bytes) -> tuple[list[msgspec.Raw], Mapping[str, Json]]:
        """Return the records of a page as they came. Raises as `page` does."""
        return self._page_of_texts.decode(body)

    def last(self, body: bytes) -> Json:
        """Return what the paginator reads of the last record of a page; None without one."""
        if not self._last:
            return None
        texts, _ = self.texts(body)
        if not texts:
            return None
        record = msgspec.json.decode(texts[-1], type=self._last_shape.type)
        found: Json = self._last_shape.column([record], 0)[0]
        return found

    def size(self, records: Sequence[msgspec.Struct]) -> int:
        """Return the number of rows that records make."""
        if not self._layout.list:
            return len(records)
        return sum(len(each or ()) for each in self._records.column(records, self._list_slot))

    def keys(self, records: Sequence[msgspec.Struct]) -> list[Key]:
        """Return the key of each record; None for one that has none."""
        columns = [self._records.column(records, slot) for slot in self._key_slots]
        return [key_of(values) for values in zip(*columns, strict=True)]

    def key(self, text: msgspec.Raw) -> Key:
        """Return the key of a record; None if it has none, or one that does not fit."""
        try:
            record = self._read_key(text)
        except msgspec.ValidationError:
            return None
        return key_of([values[0] for values in self._key.columns([record])])

    def arrays(
        self,
        records: Sequence[msgspec.Struct],
        fixed: Mapping[str, Any],
        lists: Sequence[Sequence[msgspec.Struct]] | None = None,
    ) -> list[pa.Array]:
        """Return the columns of the rows; ``lists``: the elements, where they are known apart.

        Raises `ColumnMisfit`.
        """
        found = self._records.columns(records)
        values = {c.name: v for c, v in zip(self._in_record, found, strict=False)}
        repeat = None
        count = len(records)
        if self._layout.list:
            lists = [each or () for each in found[self._list_slot]] if lists is None else lists
            elements = [element for each in lists for element in each]
            count = len(elements)
            repeat = pa.array([place for place, each in enumerate(lists) for _ in each], pa.int64())
            inner = self._elements.columns(elements)
            values |= {c.name: v for c, v in zip(self._in_element, inner, strict=True)}
        arrays = []
        for column in self._layout.columns:
            if column.name in values:
                array = self._array(column, values[column.name])
                parent = repeat is not None and column.origin == "parent"
                arrays.append(array.take(repeat) if parent else array)
            else:
                arrays.append(_repeated(column, fixed.get(column.name), count))
        return arrays

    def record(
        self, text: msgspec.Raw, fixed: Mapping[str, Any]
    ) -> tuple[msgspec.Struct | None, list[msgspec.Struct], list[RowMisfit]]:
        """Return a record, its elements if it has a list of them, and what of it does not fit."""
        try:
            record = self._read_record(text)
            self.arrays([record], fixed, lists=[()])
        except msgspec.ValidationError as error:
            return None, [], [self._explained(text, self._in_record, error)]
        except ColumnMisfit as misfit:
            return None, [], [_misfit(text, misfit.reason, misfit.column)]
        good: list[msgspec.Struct] = []
        bad: list[RowMisfit] = []
        if self._layout.list:
            for inner in self._loose.column([record], self._list_slot)[0] or ():
                try:
                    element = self._read_element(inner)
                    self.arrays([record], fixed, lists=[[element]])
                except msgspec.ValidationError as error:
                    bad.append(self._explained(inner, self._in_element, error))
                except ColumnMisfit as misfit:
                    bad.append(_misfit(inner, misfit.reason, misfit.column))
                else:
                    good.append(element)
        return record, good, bad

    def _leaf(self, column: FlatColumn) -> Leaf:
        type_, default = convert.decoded(column.type, lenient=self._lenient)
        return Leaf(path=column.path, type=type_, default=default)

    def _array(self, column: FlatColumn, values: Sequence[Any]) -> pa.Array:
        whole = self._lenient and column.type == "integer"
        try:
            array = convert.whole(values) if whole else convert.array(column.type, values)
        except Misfit as misfit:
            raise ColumnMisfit(column.name, misfit.reason) from misfit
        if column.required and array.null_count:
            raise ColumnMisfit(column.name, "it is missing or null, and may never be")
        return array

    def _explained(
        self, text: msgspec.Raw, columns: Sequence[FlatColumn], error: Exception
    ) -> RowMisfit:
        """Return which column of a record made decoding fail, and on what."""
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return _misfit(text, str(error))
        if not isinstance(value, dict):
            return _misfit(text, f"it is {_found(value)}, not an object")
        for column in columns:
            inner: Any = value
            for step, name in enumerate(column.path):
                if not isinstance(inner, dict):
                    where = ".".join(column.path[:step])
                    reason = f"{where} should be an object, but is {_found(inner)}"
                    return _misfit(text, f"column {column.name!r}: {reason}", column.name)
                inner = inner.get(name)
                if inner is None:
                    break
            else:
                type_, _ = convert.decoded(column.type, lenient=self._lenient)
                try:
                    if column.type not in {"json", "scalar"}:
                        msgspec.convert(inner, type_, strict=self._strict)
                except msgspec.ValidationError:
                    reason = f"it should be {_article(column.type)}, but is {_found(inner)}"
                    return _misfit(text, f"column {column.name!r}: {reason}", column.name)
        return _misfit(text, str(error))


def _repeated(column: FlatColumn, value: Any, count: int) -> pa.Array:
    type_ = arrow_type(column.type)
    if value is None or not count:
        return pa.nulls(count, type_)
    try:
        return pa.repeat(_one(column, value), count)
    except (ValueError, Misfit):
        raise ColumnMisfit(column.name, f"{value!r} is no {column.type}") from None


def _one(column: FlatColumn, value: Any) -> pa.Scalar:
    match column.type:
        case "integer":
            given: Any = int(value)
        case "number":
            given = float(value)
        case "boolean":
            given = value if isinstance(value, bool) else str(value).lower() == "true"
        case "json":
            given = msgspec.Raw(str(value).encode())
        case "scalar":
            given = msgspec.Raw(msgspec.json.encode(value))
        case _:
            given = str(value)
    return convert.array(column.type, [given])[0]


def _misfit(text: msgspec.Raw, reason: str, column: str | None = None) -> RowMisfit:
    return RowMisfit(text=bytes(text).decode("utf-8", "replace"), reason=reason, column=column)


def _found(value: object) -> str:
    if value is None:
        return "null"
    word = _WORDS.get(type(value), "the value")
    return f"{word} {convert.head(value)}"


def _article(type_: str) -> str:
    return f"an {type_}" if type_[0] in "aeiou" else f"a {type_}"
