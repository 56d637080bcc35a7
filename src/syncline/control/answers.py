"""Answers of APIs that nothing is known of yet: what they are written in, and what they hold."""

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncline.errors import ResponseRefused
from syncline.extract.bodies import Unreadable, converter, unpacked
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
    #: Where the records are in XML, which does not tell one record from a list of one.
    records: str = ""

    @property
    def texts(self) -> bool:
        """Whether numbers and booleans come as texts."""
        return isinstance(self.format, CsvFormat | XmlFormat)

    def decoded(self, body: bytes) -> Any:
        """Return what an answer holds. Raises `ValueError` if it is written in another way."""
        convert = converter(self.format, [self.records] if self.records else [])
        try:
            plain = unpacked(body, MOST)
            found = json.loads(plain if convert is None else convert(plain))
        except (Unreadable, ResponseRefused, RecursionError) as error:
            raise ValueError(str(error)) from error
        if isinstance(self.format, XmlFormat):
            return typed(found, besides=self.records)
        return found


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
