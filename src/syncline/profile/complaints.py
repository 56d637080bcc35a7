"""What a model refuses in a YAML text, said once per place: where, what was expected."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Tag, ValidationError

from syncline.profile.nearest import near, nearest
from syncline.profile.pointing import Place, Spot, inside, spot_of

#: What pydantic's kinds of errors expect; their context stands in braces.
_EXPECTED: Mapping[str, str] = {
    "string_type": "a text",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "greater_than": "a number greater than {gt}",
    "greater_than_equal": "a number not less than {ge}",
    "less_than": "a number less than {lt}",
    "less_than_equal": "a number not greater than {le}",
    "dict_type": "a mapping of keys",
    "mapping_type": "a mapping of keys",
    "model_type": "a mapping of keys",
    "model_attributes_type": "a mapping of keys",
    "list_type": "a list",
    "tuple_type": "a list",
    "string_pattern_mismatch": "a text like {pattern}",
    "union_tag_invalid": "one of {expected_tags}",
    "literal_error": "one of {expected}",
    "enum": "one of {expected}",
    "none_required": "nothing",
}
#: Longer texts are cut where they are shown.
_SHOWN = 60
_MISSING = "required, but missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One thing wrong at one place."""

    place: Place
    spot: Spot
    #: What would be right, for example "a whole number"; '' if ``said`` says it all.
    expected: str = ""
    found: str = ""
    said: str = ""
    #: The key that an unknown one probably was to be.
    meant: str | None = None

    def __str__(self) -> str:
        where = ".".join(map(str, self.place)) or "the file"
        return f"{where}: {self.said or f'expected {self.expected}, found {self.found}'}"


def complaints(
    error: ValidationError, model: type[BaseModel], root: yaml.Node | None, words: Mapping[str, str]
) -> list[Complaint]:
    """Return what is wrong with the YAML under ``root``, by line, one complaint per place.

    ``words`` says in words what a pattern or a union's tag (in brackets) stands for.
    """
    every = [_complaint(e, model, root, words) for e in error.errors(include_url=False)]
    # The alternatives of a union complain at its place; the one that was meant, below it.
    deepest = [c for c in every if not any(_below(c.place, other.place) for other in every)]
    # A key that was misspelt is not missing.
    meant = {(*c.place[:-1], c.meant) for c in deepest if c.meant}
    joined: dict[Place, Complaint] = {}
    for complaint in deepest:
        if complaint.said == _MISSING and complaint.place in meant:
            continue
        earlier = joined.get(complaint.place)
        joined[complaint.place] = _either(earlier, complaint) if earlier else complaint
    return sorted(joined.values(), key=lambda c: c.spot.line)


def kind(value: object) -> str:
    """Return a value as complaints show it."""
    match value:
        case dict():
            return "a mapping"
        case list() | tuple():
            return "a list"
        case str():
            return repr(value if len(value) <= _SHOWN else value[:_SHOWN] + "…")
        case _:
            return {"None": "nothing", "True": "true", "False": "false"}.get(str(value), str(value))


def _complaint(
    error: Any, model: type[BaseModel], root: yaml.Node | None, words: Mapping[str, str]
) -> Complaint:
    place, said, meant = _present(error["loc"], root), _said(error), None
    found = kind(error["input"])
    match error["type"]:
        case "missing":
            place = (*place, error["loc"][-1])
        case "extra_forbidden":
            key, keys = str(error["loc"][-1]), _keys(model, error["loc"][:-1])
            said, meant = f"unknown key{near(key, keys)}", nearest(key, keys)
        case "union_tag_not_found" | "union_tag_invalid":
            place = (*place, error["ctx"]["discriminator"].strip("'"))
            found = kind(error["ctx"].get("tag"))
    expected = "" if said else _expected(error, words)
    if expected == _EXPECTED["string_type"] and isinstance(error["input"], bool | int | float):
        found += "; put it in quotes"
    return Complaint(
        place=place,
        spot=spot_of(root, place, key=_is_of_key(error)),
        expected=expected,
        found=found,
        said=said,
        meant=meant,
    )


def _is_of_key(error: Any) -> bool:
    return bool(error["type"] == "extra_forbidden" or error["loc"][-1:] == ("[key]",))


def _said(error: Any) -> str:
    """Return the whole complaint where it is more than what was expected, else ''."""
    type_ = error["type"]
    if type_ in {"missing", "union_tag_not_found"}:
        return _MISSING
    if type_ in {"value_error", "assertion_error"}:
        return str(error["ctx"]["error"])
    if type_ == "too_short":
        return "has too few entries" if error["input"] else "must not be empty"
    if type_ in _EXPECTED:
        return ""
    said: str = error["msg"]
    return said[0].lower() + said[1:]


def _expected(error: Any, words: Mapping[str, str]) -> str:
    type_, context = error["type"], error.get("ctx", {})
    if type_ == "string_pattern_mismatch":
        return words.get(context["pattern"], f"a text like {context['pattern']}")
    if type_ == "string_type" and error["loc"][-1] in words:
        return words[error["loc"][-1]]
    shown = {k: f"{v:g}" if isinstance(v, float) else _listed(str(v)) for k, v in context.items()}
    return _EXPECTED[type_].format(**shown)


def _either(one: Complaint, other: Complaint) -> Complaint:
    """Return one complaint of a value that fits none of a union's alternatives."""
    if not (one.expected and other.expected):
        return one
    expected = dict.fromkeys([*one.expected.split(" or "), other.expected])
    return Complaint(
        place=one.place, spot=one.spot, expected=" or ".join(expected), found=one.found
    )


def _below(place: Place, other: Place) -> bool:
    return len(other) > len(place) and other[: len(place)] == place


def _listed(alternatives: str) -> str:
    """Return pydantic's "'a', 'b' or 'c'" as "a, b, c"."""
    return ", ".join(re.findall(r"'([^']*)'", alternatives)) or alternatives


def _present(loc: Sequence[int | str], root: yaml.Node | None) -> Place:
    """Return the part of a place that stands in the text, without the tags of unions."""
    place: list[int | str] = []
    node = root
    for part in loc:
        inner = None if isinstance(part, str) and part.startswith("[") else inside(node, part)
        if inner is not None:
            place.append(part)
            node = inner
    return tuple(place)


def _keys(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """Return the keys that a model has at a place; of every alternative, if they are unclear."""
    here: list[Any] = [model]
    for part in loc:
        alternatives = [a for each in here for a in _alternatives(each)]
        inner = [i for a in alternatives if (i := _step(a, part)) is not None]
        here = inner or [a for a in alternatives if _tagged(a, part)] or alternatives
    models = [_bare(a) for each in here for a in _alternatives(each)]
    keys = [k for m in models if _is_model(m) for k in m.model_fields]
    return list(dict.fromkeys(keys))


def _alternatives(annotation: Any) -> Iterator[Any]:
    bare = _bare(annotation)
    if get_origin(bare) in {Union, UnionType}:
        for alternative in get_args(bare):
            yield from _alternatives(alternative)
    else:
        yield annotation


def _bare(annotation: Any) -> Any:
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _step(annotation: Any, part: int | str) -> Any:
    bare = _bare(annotation)
    if _is_model(bare):
        return bare.model_fields[part].annotation if part in bare.model_fields else None
    if get_origin(bare) is dict:
        return get_args(bare)[1]
    return get_args(bare)[0] if get_args(bare) and isinstance(part, int) else None


def _tagged(annotation: Any, tag: int | str) -> bool:
    if get_origin(annotation) is Annotated:
        return any(isinstance(m, Tag) and m.tag == tag for m in get_args(annotation)[1:])
    fields = annotation.model_fields.values() if _is_model(annotation) else ()
    literals = [f.annotation for f in fields if get_origin(f.annotation) is Literal]
    return any(tag in get_args(literal) for literal in literals)


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
