"""A profile as YAML text, with comments where people should look."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

#: Where editors find the JSON Schema; `syncline profile schema` writes it.
SCHEMA_LINE = "# yaml-language-server: $schema=profile.schema.json"
#: Comments that begin so wait for an answer.
QUESTION = "? "
_WIDTH = 100
_PLAIN = re.compile(r"[A-Za-z_/][\w ./()$+@-]*")
_KEY = re.compile(r"[A-Za-z_][\w.$/-]*")
_UNSEEN = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """A value with comments: lines above its key, or one beside it; lines below its content."""

    value: "Plain"
    above: tuple[str, ...] = ()
    beside: str = ""
    below: tuple[str, ...] = ()


Plain: TypeAlias = str | int | float | bool | Sequence["Plain"] | Mapping[str, "Plain"] | Noted


def plain(value: Plain) -> "Plain":
    """Return a value without its comments, at every depth."""
    match value:
        case Noted():
            return plain(value.value)
        case Mapping():
            return {key: plain(inner) for key, inner in value.items()}
        case str() | int() | float():
            return value
        case _:
            return [plain(inner) for inner in value]


def questions(value: Plain) -> int:
    """Return how many comments wait for an answer, at every depth."""
    found = 0
    match value:
        case Noted():
            lines = (*value.above, value.beside, *value.below)
            found = sum(line.startswith(QUESTION) for line in lines) + questions(value.value)
        case Mapping():
            found = sum(questions(inner) for inner in value.values())
        case str() | int() | float():
            pass
        case _:
            found = sum(questions(inner) for inner in value)
    return found


def written(head: Sequence[str], profile: Mapping[str, Plain]) -> str:
    """Return the YAML text of a profile; ``head``: lines of comment before it."""
    lines = [SCHEMA_LINE, *_comments(head, ""), ""]
    for key, value in profile.items():
        lines += _entry(key, value, "")
        if key in _SPACED:
            lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


#: Keys of the profile after whose content a line is left empty.
_SPACED = {"checked", "settings", "auth", "base_url", "headers", "limits", "errors", "defaults"}
#: Mappings of one word to another, which may fill several lines.
_FOLDED = {"object"}


def _entry(key: str, given: Plain, indent: str) -> Iterator[str]:
    noted = given if isinstance(given, Noted) else Noted(value=given)
    value = noted.value
    yield from _comments(noted.above, indent)
    name = _key(key)
    beside = f"  # {noted.beside}" if noted.beside else ""
    flow = _flow(value)
    if flow is not None and len(indent) + len(name) + len(flow) + 2 <= _WIDTH:
        yield f"{indent}{name}: {flow}{beside}"
    elif isinstance(value, str):
        yield f"{indent}{name}: {_scalar(value)}{beside}"
    elif flow is not None and key in _FOLDED and isinstance(value, Mapping):
        yield f"{indent}{name}: {{{beside}"
        yield from _folded(flow[1:-1], f"{indent}  ")
        yield f"{indent}}}"
    else:
        yield f"{indent}{name}:{beside}"
        yield from _block(value, f"{indent}  ", spaced=key == "tables")
    yield from _comments(noted.below, f"{indent}  ")


def _folded(flow: str, indent: str) -> Iterator[str]:
    """Yield what stands in the braces of a mapping of plain names, as much as fits on each line."""
    line = ""
    for part in flow.split(", "):
        longer = f"{line}, {part}" if line else part
        if line and len(indent) + len(longer) + 1 > _WIDTH:
            yield f"{indent}{line},"
            longer = part
        line = longer
    yield f"{indent}{line}"


def _block(value: Plain, indent: str, *, spaced: bool = False) -> Iterator[str]:
    if isinstance(value, Mapping):
        for place, (key, inner) in enumerate(value.items()):
            if spaced and place:
                yield ""
            yield from _entry(key, inner, indent)
        return
    assert not isinstance(value, str | int | float | Noted)  # noqa: S101 (those are written flat)
    for element in value:
        noted = element if isinstance(element, Noted) else Noted(value=element)
        yield from _comments(noted.above, indent)
        flow = _flow(noted.value)
        if flow is not None and len(indent) + len(flow) + 2 <= _WIDTH:
            yield f"{indent}- {flow}"
        else:
            first, *rest = _block(noted.value, f"{indent}  ")
            yield f"{indent}- {first.lstrip()}"
            yield from rest


def _flow(value: Plain) -> str | None:
    """Return a value on one line, or None if comments stand inside."""
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, int | float):
        return json.dumps(value)
    if isinstance(value, Noted):
        return None
    if isinstance(value, Mapping):
        texts = [_flow(inner) for inner in value.values()]
        parts = [f"{_key(k)}: {text}" for k, text in zip(value, texts, strict=True)]
    else:
        texts = [_flow(inner) for inner in value]
        parts = [text for text in texts if text is not None]
    if None in texts:
        return None
    joined = ", ".join(parts)
    return f"{{{joined}}}" if isinstance(value, Mapping) else f"[{joined}]"


def _key(key: str) -> str:
    return key if _KEY.fullmatch(key) and key.lower() not in _WORDS else _scalar(key)


def _scalar(text: str) -> str:
    simple = _PLAIN.fullmatch(text) and text == text.strip() and text.lower() not in _WORDS
    simple = simple and text != "None"
    if simple:
        return text
    # YAML takes fewer characters as they are than JSON does.
    return _UNSEEN.sub(lambda c: f"\\u{ord(c[0]):04x}", json.dumps(text, ensure_ascii=False))


def _comments(lines: Sequence[str], indent: str) -> Iterator[str]:
    for line in lines:
        width = max(_WIDTH - len(indent) - 2, 40)
        for part in _wrapped(line, width):
            yield f"{indent}# {part}".rstrip()


def _wrapped(line: str, width: int) -> Iterator[str]:
    """Yield a line in parts; what goes on a question is indented below it."""
    rest, first = " ".join("".join(c for c in line if c.isprintable() or c.isspace()).split()), True
    while rest:
        room = width if first else width - 2
        cut = len(rest) if len(rest) <= room else rest.rfind(" ", 0, room + 1)
        cut = cut if cut > 0 else len(rest)
        yield rest[:cut] if first else f"  {rest[:cut]}"
        rest, first = rest[cut:].strip(), False
