"""From the bytes of a page to an Arrow batch: by columns, or row by row to find the bad ones."""

import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import msgspec
import pyarrow as pa

from syncline.errors import RecordRefused, ResponseRefused
from syncline.extract.bodies import Unreadable, converter, unpacked
from syncline.extract.reshape import reshaped
from syncline.extract.rows import ColumnMisfit, Layout, Rows
from syncline.extract.trail import Key
from syncline.model.batch import Json, Reject

_FORMATS = {"json": "JSON", "jsonl": "lines of JSON", "csv": "CSV", "xml": "XML"}
#: What our own calls take of Python's limit.
_FRAMES = 500
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContent:
    """A page, decoded as far as its records allow."""

    #: Number of records, and of the rows they make, those that do not fit included.
    count: int
    size: int
    #: What the paginator asked for.
    values: Mapping[str, Json]
    #: The records; None if one of them does not fit.
    records: Sequence[msgspec.Struct] | None
    #: In JSON.
    body: bytes
    #: What the paginator asked for of the last record.
    last: Json = None
    #: Positions of records that are not handed on, because they come on another page of the walk.
    left_out: Collection[int] = frozenset()


class Reader:
    """Reads pages of one layout."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._rows = Rows(layout, lenient=False)
        lists = [path for path in (layout.records, layout.list) if path]
        if layout.answer == "one":
            lists = [".".join(lists)] if layout.list else []
        self._to_json = converter(layout.format, lists) or reshaped(layout.answer, layout.records)

    @property
    def format(self) -> str:
        """What bodies should be, for messages."""
        return _FORMATS[self._layout.format.type]

    @property
    def schema(self) -> pa.Schema:
        """The schema of the batches."""
        return self._layout.schema

    @cached_property
    def _lenient(self) -> Rows:
        return Rows(self._layout, lenient=True)

    def decode(self, body: bytes) -> PageContent:
        """Return the content of a page.

        Raises `Unreadable`, and `ResponseRefused` if the records are not where they should be, or
        the body is longer or deeper than is allowed.
        """
        body = unpacked(body, self._layout.most)
        body = body.removeprefix(_MARK) if self._to_json is None else self._to_json(body)
        with self._deep():
            return self._decoded(body)

    def _decoded(self, body: bytes) -> PageContent:
        try:
            try:
                records, values = self._rows.page(body)
            except msgspec.ValidationError:
                body.decode()  # what is skipped over is not checked by the decoder
                texts, values = self._rows.texts(body)
                count = len(texts)
                last = self._rows.last(body)
                return PageContent(
                    count=count, size=count, values=values, records=None, body=body, last=last
                )
        except msgspec.ValidationError as error:
            place = f"at {self._layout.records!r}" if self._layout.records else "as the body"
            raise ResponseRefused(f"there is no list of records {place}: {error}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unreadable(str(error)) from error
        except RecursionError:
            raise ResponseRefused(
                "the answer has more lists and objects inside each other than are allowed",
                hint="raise 'depth' under 'limits' of the profile",
            ) from None
        return PageContent(
            count=len(records),
            size=self._rows.size(records),
            values=values,
            records=records,
            body=body,
            last=self._rows.last(body),
        )

    def values(self, body: bytes) -> Mapping[str, Json] | None:
        """Return what the paginator reads of a page, in a moment; None if it takes longer.

        Whether the rest of the body is right shows when it is decoded.
        """
        if self._to_json is not None or body[:1] != b"{":
            return None
        try:
            return self._rows.values(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def batch(
        self, page: PageContent, *, fixed: Mapping[str, Any], page_is: str, keep_rejects: bool
    ) -> tuple[pa.RecordBatch, tuple[Reject, ...]]:
        """Return a page's rows, and those that do not fit.

        ``fixed``: values of the columns that records do not have, by column; null if not
        there. ``page_is`` names the page in messages. Raises `RecordRefused` for a row that
        does not fit, unless it is to be kept as a reject.
        """
        if page.records is not None:
            try:
                return self._batch(self._rows.arrays(_kept(page.records, page.left_out), fixed)), ()
            except ColumnMisfit:
                pass  # looking at one record after the other finds out which it is
        with self._deep():
            return self._one_by_one(page, fixed, page_is, keep_rejects=keep_rejects)

    def _one_by_one(
        self, page: PageContent, fixed: Mapping[str, Any], page_is: str, *, keep_rejects: bool
    ) -> tuple[pa.RecordBatch, tuple[Reject, ...]]:
        texts, _ = self._rows.texts(page.body)
        records: list[msgspec.Struct] = []
        lists: list[list[msgspec.Struct]] = []
        rejects: list[Reject] = []
        for number, text in enumerate(texts, 1):
            if number - 1 in page.left_out:
                continue
            record, elements, misfits = self._lenient.record(text, fixed)
            if record is not None:
                records.append(record)
                lists.append(elements)
            for misfit in misfits:
                if not keep_rejects:
                    # Invariant 5
                    raise RecordRefused(
                        f"record {number} of {page_is} does not fit: {misfit.reason}",
                        hint="correct the column in the profile, or let the task keep rejects",
                    )
                rejects.append(
                    Reject(record=misfit.text, reason=misfit.reason, column=misfit.column)
                )
        return self._batch(self._lenient.arrays(records, fixed, lists)), tuple(rejects)

    @property
    def keyed(self) -> bool:
        """Whether records can be told apart."""
        return bool(self._layout.key)

    def keys(self, page: PageContent) -> Sequence[Key]:
        """Return the key of each record of a page; None for one that has none."""
        if page.records is not None:
            return self._rows.keys(page.records)
        with self._deep():
            texts, _ = self._rows.texts(page.body)
            return [self._rows.key(text) for text in texts]

    def without(self, page: PageContent, left_out: Collection[int]) -> PageContent:
        """Return a page of which some records are not handed on."""
        if not left_out:
            return page
        size = page.count - len(left_out)
        if page.records is not None:
            size = self._rows.size(_kept(page.records, left_out))
        return replace(page, left_out=left_out, size=size)

    @contextmanager
    def _deep(self) -> Iterator[None]:
        """Let the decoder go as deep as the profile allows; nobody else runs meanwhile."""
        usual, wanted = sys.getrecursionlimit(), self._layout.depth
        if wanted is not None:
            sys.setrecursionlimit(max(usual, wanted + _FRAMES))
        try:
            yield
        finally:
            if wanted is not None:
                sys.setrecursionlimit(usual)

    def same(self, page: PageContent, other: PageContent) -> bool:
        """Say whether two pages have the same records, as far as can be told."""
        if page.records is None or other.records is None or not self._layout.key:
            return page.body == other.body
        return page.records == other.records

    def _batch(self, arrays: Sequence[pa.Array]) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(arrays, schema=self._layout.schema)


def _kept(records: Sequence[msgspec.Struct], left_out: Collection[int]) -> Sequence[msgspec.Struct]:
    if not left_out:
        return records
    return [record for index, record in enumerate(records) if index not in left_out]
