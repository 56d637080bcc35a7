"""Answers of APIs that nothing is known of yet: what they are written in, and what they hold."""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from syncline.errors import ResponseRefused
from syncline.extract.bodies import Unreadable, converter, unpacked
from syncline.extract.reshape import reshaped
from syncline.profile.formats import CsvFormat, Format, JsonFormat, JsonLinesFormat, XmlFormat
from syncline.profile.infer.texts import typed

#: Bytes of an answer that are looked at, unpacked.
MOST = 256 * 1024 * 1024
_DELIMITERS = ",;\t|"
_ENCODINGS = ("utf-8", "cp1252")
#: Lines that are looked at to find out what stands between fields.
_LINES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """How answers are written."""

    format: Format
    #: Where the records are, if they may be no list: in XML a list of one never is.
    records: str = ""
    #: As in profiles; of JSON only. either: a list of one is written as an object.
    answer: Literal["list", "either", "keyed"] = "list"

    @property
    def texts(self) -> bool:
        """Whether numbers and booleans come as texts."""
        return isinstance(self.format, CsvFormat | XmlFormat)

    def decoded(self, body: bytes) -> Any:
        """Return what an answer holds. Raises `ValueError` if it is written in another way."""
        convert = converter(self.format, [self.records] if self.records else [])
        try:
            plain = unpacked(body, MOST)
            convert = convert or reshaped(self.answer, self.records)
            found = json.loads(plain if convert is None else convert(plain))
        except (Unreadable, ResponseRefused, RecursionError) as error:
            raise ValueError(str(error)) from error
        if isinstance(self.format, XmlFormat):
            return typed(found, besides=self.records)
        return _listed(found, self.records.split(".")) if self.answer == "either" else found


def _listed(body: Any, path: Sequence[str]) -> Any:
    """Return a body in which what is at a path is a list: an object is its only element."""
    if not isinstance(body, Mapping):
        return body
    name, *rest = path
    inner = body.get(name)
    if rest:
        return {**body, name: _listed(inner, rest)} if name in body else body
    if inner is None or isinstance(inner, Mapping):
        return {**body, name: [] if inner is None else [inner]}
    return body


def recognised(body: bytes, headers: Mapping[str, str]) -> Written | None:
    """Return how an answer is written; None if it is in no way that is known.

    ``headers``: names in lower case.
    """
    said = headers.get("content-type", "").lower()
    ways: list[Format] = [JsonFormat(type="json"), JsonLinesFormat(type="jsonl")]
    try:
        start = unpacked(body, MOST).lstrip()[:100]
    except (Unreadable, ResponseRefused):
        return None
    if not start:
        return None
    if start.removeprefix(b"\xef\xbb\xbf").startswith(b"<"):
        ways = [XmlFormat(type="xml")]
    else:
        ways += _delimited(unpacked(body, MOST), said)
    for way in ways:
        written = Written(format=way)
        try:
            found = written.decoded(body)
        except ValueError:
            continue
        if not (isinstance(found, Mapping) and "html" in {str(name).lower() for name in found}):
            return written
    return None


def _delimited(body: bytes, said: str) -> list[Format]:
    """Return the ways in which a text may be lines of fields, the likeliest first."""
    for encoding in _ENCODINGS:
        try:
            text = body.decode(encoding).removeprefix("\ufeff")
        except UnicodeDecodeError:
            continue
        lines = text.splitlines()[:_LINES]
        found: list[tuple[int, str]] = []
        for delimiter in _DELIMITERS:
            counts = {len(fields) for fields in csv.reader(lines, delimiter=delimiter) if fields}
            # Each line has as many fields as the first one, or it is something else.
            if len(counts) == 1 and max(counts) > 1:
                found.append((max(counts), delimiter))
        if found and len(lines) > 1:
            best = max(found)[1]
            return [CsvFormat(type="csv", delimiter=best, encoding=encoding)]
        if "csv" in said and len(lines) > 1:
            return [CsvFormat(type="csv", encoding=encoding)]
        return []
    return []
