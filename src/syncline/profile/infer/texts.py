"""Values of answers that write everything as texts, as the numbers and booleans that they are."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from syncline.profile.infer.bodies import Record

_WHOLE = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
_BOOLEANS = {"true": True, "false": False}

Path = tuple[str, ...]


def typed(body: Any, *, besides: str = "") -> Any:
    """Return an answer with numbers and booleans in place of their texts.

    What is at the dotted path ``besides`` stays: records are to be seen together.
    """
    return _typed(body, tuple(besides.split(".")) if besides else None)


def typed_records(records: Sequence[Record]) -> list[Record]:
    """Return records with numbers and booleans where all texts of a member are such."""
    texts: dict[Path, list[str]] = {}
    for record in records:
        for path, text in _texts(record, ()):
            texts.setdefault(path, []).append(text)
    readers = {path: read for path, own in texts.items() if (read := _reader(own)) is not None}
    return [_read(record, (), readers) for record in records]


def _typed(value: Any, besides: Path | None) -> Any:
    if besides == ():
        return value
    match value:
        case Mapping():
            return {
                name: _typed(inner, besides[1:] if besides and besides[0] == name else None)
                for name, inner in value.items()
            }
        case list():
            return [_typed(each, None) for each in value]
        case str():
            read = _reader([value])
            return value if read is None else read(value)
        case _:
            return value


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    match value:
        case str():
            yield path, value
        case Mapping():
            for name, inner in value.items():
                yield from _texts(inner, (*path, name))
        case list():
            for each in value:
                yield from _texts(each, (*path, "[]"))
        case _:
            pass


def _reader(texts: Sequence[str]) -> Callable[[str], Any] | None:
    """Return what reads all of these texts; None if they are texts and nothing else."""
    if all(text.lower() in _BOOLEANS for text in texts):
        return lambda text: _BOOLEANS[text.lower()]
    if all(_WHOLE.fullmatch(text) for text in texts):
        return int
    if all(_NUMBER.fullmatch(text) for text in texts):
        return float
    return None


def _read(value: Any, path: Path, readers: Mapping[Path, Callable[[str], Any]]) -> Any:
    match value:
        case str():
            return readers[path](value) if path in readers else value
        case Mapping():
            return {name: _read(inner, (*path, name), readers) for name, inner in value.items()}
        case list():
            return [_read(each, (*path, "[]"), readers) for each in value]
        case _:
            return value
