"""What query parameters filter by: columns, bounds of columns, changes since, or nothing known."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from syncline.profile.openapi.columns import Known
from syncline.profile.openapi.document import Document, Operation, Parameter
from syncline.profile.openapi.naming import singular, snake
from syncline.profile.openapi.shapes import Shape, first_sentence, shape_of
from syncline.profile.writing import QUESTION, Plain

_PROJECTIONS = {"fields", "select", "field", "properties", "include_fields"}
_ORDERS = {"sort", "order", "sort_by", "order_by", "orderby", "sortby", "sort_order", "direction",
           "sort_direction", "order_direction", "dir", "ordering", "sorting"}  # fmt: skip
_FORMS = {"expand", "include", "embed", "format", "output_format", "pretty", "callback", "locale",
          "lang", "language", "api_version", "version", "includes", "expanded", "export",
          "group_by", "groupby", "aggregate", "aggregations", "meta", "alias", "deep", "envelope",
          "indent", "accept_language", "facets", "highlight", "timezone", "time_zone", "tz",
          "backlink", "include_total", "include_totals", "include_count",
          "with_count"}  # fmt: skip
_KEYS = {"api_key", "apikey", "api_token", "access_token", "auth_token", "app_key", "user_key",
         "subscription_key", "authorization"}  # fmt: skip
_SAID = re.compile(r"api.?key|access.?token|authenticat|authori[sz]", re.IGNORECASE)
_CHANGED = re.compile(
    r"^(?:(?:if_)?(?:last_)?(?:updated|modified|changed|update|modify)(?:_at|_on|_date|_time)?_"
    r"(?:since|after|from|gte|gt|min|start)|min_(?:updated|modified)(?:_at)?|since|"
    r"(?:modified|updated|changed)_since|(?:start|since|from|after)_(?:updated|modified)(?:_at)?)$"
)
_LATER = re.compile(r"_(?:since|after|from|gte|gt|min|start|start_date|start_time)$")
_EARLIER = re.compile(r"_(?:until|before|to|lte|lt|max|end|end_date|end_time)$")
#: Values such as >=DATE: an operator, and a word for what follows.
_COMPARED = re.compile(r"(>=|<=|<>|>|<|=)[A-Z][A-Z_-]*")
_QUOTED = re.compile(r"`([^`]+)`")
#: Longer names are no names.
_LONGEST = 100
_CHANGES = {"updated", "modified", "changed", "update", "modification"}


@dataclass(slots=True, kw_only=True)
class Conditions:
    """What an operation's parameters mean for its table."""

    incremental: dict[str, Plain] | None = None
    incremental_notes: tuple[str, ...] = ()
    filters: dict[str, list[dict[str, Plain]]] = field(default_factory=dict)
    #: What is open, or was left out.
    notes: list[str] = field(default_factory=list)
    #: Parameters that take objects.
    objects: list[str] = field(default_factory=list)


def conditions_of(
    document: Document, operation: Operation, known: Mapping[str, Known], *, besides: frozenset[str]
) -> Conditions:
    """Return what the query parameters filter by; ``besides``: those about pages."""
    found = Conditions()
    for parameter in operation.query():
        word = snake(parameter.name)
        if parameter.name in besides or word in _ORDERS | _FORMS | _PROJECTIONS:
            continue
        if is_key(parameter):
            continue
        if not _changes(document, found, parameter, word, known):
            _filter(document, found, parameter, known)
    if found.objects:
        what = "takes an object" if len(found.objects) == 1 else "take objects"
        found.notes.append(f"{', '.join(found.objects)}: {what}, which no filter can send")
    return found


def is_key(parameter: Parameter) -> bool:
    """Say whether a parameter tells who is asking: such a value belongs into no query."""
    word = snake(parameter.name)
    return word in _KEYS or (word in {"key", "token"} and bool(_SAID.search(parameter.description)))


def projection_of(operation: Operation) -> str | None:
    """Return the parameter that names the fields wanted, or None."""
    return next((p.name for p in operation.query() if snake(p.name) in _PROJECTIONS), None)


def written_filters(found: Conditions) -> dict[str, Plain]:
    """Return the filters as profiles have them."""
    return {name: each[0] if len(each) == 1 else each for name, each in found.filters.items()}


def _changes(
    document: Document,
    found: Conditions,
    parameter: Parameter,
    word: str,
    known: Mapping[str, Known],
) -> bool:
    """Note the parameter that asks for changes; say whether this is it."""
    if found.incremental is not None or not _CHANGED.match(word):
        return False
    if word == "since" and not re.search(
        r"updat|modif|chang", parameter.description, re.IGNORECASE
    ):
        return False
    type_ = shape_of(document, parameter.schema).type
    column = _changed_column(parameter, known)
    if column is None:
        found.notes.append(
            f"{QUESTION}{parameter.name!r} seems to ask for changes, but records have no column "
            "that clearly tells when they changed. If one does: "
            f"incremental: {{column: …, parameter: {parameter.name}}}"
        )
        return True
    how, question = _format(type_, parameter)
    found.incremental = {"column": column, "parameter": parameter.name, **how}
    reason = f"{parameter.name!r} asks for what has changed, and {column} tells when"
    found.incremental_notes = (reason, *question)
    return True


def _changed_column(parameter: Parameter, known: Mapping[str, Known]) -> str | None:
    for match in _QUOTED.finditer(parameter.description):
        quoted = match[1]
        if quoted in known and known[quoted].type in {"datetime", "date", "integer"}:
            return quoted
    times = [n for n, c in known.items() if c.type == "datetime" and len(c.path) == 1]
    changed = [n for n in times if set(snake(n).split("_")) & _CHANGES]
    return changed[0] if len(changed) == 1 else None


def _format(type_: str, parameter: Parameter) -> tuple[dict[str, str], tuple[str, ...]]:
    if type_ == "date":
        return {"format": "date"}, ()
    if type_ in {"integer", "number"}:
        if re.search(r"milli|\bms\b", parameter.description, re.IGNORECASE):
            return {"format": "epoch_ms"}, ()
        return {"format": "epoch"}, (
            () if re.search(r"unix|epoch|seconds", parameter.description, re.IGNORECASE)
            else (f"{QUESTION}A number: seconds since 1970 (epoch), or milliseconds (epoch_ms)?",)
        )  # fmt: skip
    return {}, ()


def _filter(
    document: Document, found: Conditions, parameter: Parameter, known: Mapping[str, Known]
) -> None:
    shape = shape_of(document, parameter.schema)
    inner = shape_of(document, shape.items) if shape.kind == "array" else shape
    whole = next((v for v in inner.values if v.lower() in {"all", "any", "both"}), None)
    if isinstance(shape.default, str) and inner.values and shape.default != whole:
        ask = f"parameters: {{{parameter.name}: {whole}}}" if whole else "parameters: {…}"
        found.notes.append(
            f"{QUESTION}Unless asked otherwise, the API answers as for {parameter.name} = "
            f"{shape.default}. Is all of it wanted? Then set {ask} in this table."
        )
    if inner.kind == "object":
        found.objects.append(parameter.name)
        return
    if _with_operators(found, parameter, inner, known):
        return
    column, operators, exact = _meant(parameter, inner, known, listed=shape.kind == "array")
    if column is None:
        _only(found, parameter, inner, known, listed=shape.kind == "array")
        return
    how = (operators, exact, shape.kind == "array")
    _put(found, column, parameter, _filter_of(parameter, inner, known[column], how))


def _filter_of(
    parameter: Parameter, inner: Shape, column: Known, how: tuple[list[str], bool, bool]
) -> dict[str, Plain]:
    """Return a filter; ``how``: its operators, whether it is exact, and takes several values."""
    operators, exact, listed = how
    written: dict[str, Plain] = {"parameter": parameter.name}
    commas = bool(re.search(r"comma[- ](?:separated|delimited)", parameter.description))
    several = listed or parameter.name.endswith("[]") or commas
    if operators == ["="] and several:
        many = "comma" if parameter.comma or commas else "repeat"
        written |= {"operators": ["=", "in"], "many": many}
    elif operators != ["="]:
        written["operators"] = operators
    values = _other_words(inner, column) if operators == ["="] else None
    if values:
        written["values"] = values
    if not exact:
        written["exact"] = False
    if not exact and operators != ["="]:
        written["widen"] = 86400 if column.type == "date" else 1
    if parameter.required:
        written["required"] = True
    return written


def _put(found: Conditions, column: str, parameter: Parameter, written: dict[str, Plain]) -> None:
    """Add a filter of a column, unless another parameter answers the same comparisons."""
    earlier = found.filters.setdefault(column, [])
    answered = {o for each in earlier for o in _operators(each)}
    if answered & set(_operators(written)):
        found.notes.append(f"{parameter.name}: another parameter filters by {column} already")
    else:
        earlier.append(written)


def _operators(written: Mapping[str, Plain]) -> list[str]:
    operators = written.get("operators", ["="])
    assert isinstance(operators, list)  # noqa: S101 (made here)
    return [str(o) for o in operators]


def _meant(
    parameter: Parameter, inner: Shape, known: Mapping[str, Known], *, listed: bool
) -> tuple[str | None, list[str], bool]:
    """Return column, operators and exactness of a filter; no column if none is clear."""
    bare = parameter.name.removesuffix("[]")
    bounds = _bounds(parameter, known)
    if bounds is not None:
        return bounds
    for name in _candidates(bare, listed=listed or bare != parameter.name):
        column = known.get(name)
        # A moment equals another only if both are written as exactly.
        if column is None or column.type in {"json", "datetime"}:
            continue
        if not _same_kind(inner.type, column.type):
            continue
        if _other_words(inner, column) is None:
            continue  # another thing of the same name
        # Texts are compared in one way or another; whether null is false, nobody says.
        plain = column.type not in {"string", "boolean"}
        words = bool(inner.values and column.values)
        exact = plain or words or name.rsplit("_", 1)[-1] == "id"
        return name, ["="], exact
    return None, [], True


def _other_words(inner: Shape, column: Known) -> dict[str, Plain] | None:
    """Return how records' values are written in a filter, where that differs in case only.

    None if values of the filter are none of the column's.
    """
    if not (inner.values and column.values) or set(inner.values) <= set(column.values):
        return {}
    theirs = {_bare(value): value for value in inner.values}
    ours = {_bare(value): value for value in column.values}
    if len(theirs) < len(inner.values) or not theirs.keys() <= ours.keys():
        return None
    return {ours[word]: value for word, value in theirs.items() if ours[word] != value}


def _bare(word: str) -> str:
    return re.sub(r"[\W_]+", "", word).lower()


def _with_operators(
    found: Conditions, parameter: Parameter, inner: Shape, known: Mapping[str, Known]
) -> bool:
    """Add the filters of a parameter whose value begins with an operator; say whether it is one."""
    operators = [m[1] for value in inner.values if (m := _COMPARED.fullmatch(value))]
    if not operators or len(operators) < len(inner.values):
        return False
    bare = parameter.name.removesuffix("[]")
    column = next((known[n] for n in (bare, snake(bare)) if n in known), None)
    if column is None or column.type in {"json", "boolean"}:
        return False
    for operator in operators:
        # A moment equals another only if both are written as exactly.
        if operator != "=" or column.type != "datetime":
            written: dict[str, Plain] = {"parameter": parameter.name, "operators": [operator]}
            _put(found, column.name, parameter, {**written, "value": f"{operator}{{value}}"})
    return True


def _candidates(bare: str, *, listed: bool) -> Iterator[str]:
    yield bare
    yield snake(bare)
    if re.match(r"(?:is|has)_", snake(bare)):
        yield snake(bare).partition("_")[2]
    if listed or bare.lower() == "ids":
        yield singular(bare)
    if bare.endswith("]"):
        yield bare[:-1].replace("[", "_")


def _bounds(parameter: Parameter, known: Mapping[str, Known]) -> tuple[str, list[str], bool] | None:
    """Return column, operators and exactness if a parameter is a bound of a time."""
    word = snake(parameter.name)
    if word in known:
        return None
    text = parameter.description.lower()
    quoted = [q for q in _QUOTED.findall(parameter.description) if q in known]
    later, earlier = _LATER.search(word), _EARLIER.search(word)
    if not (later or earlier):
        later = re.match(r"(?:start|from|min|after|since)_", word)
        earlier = re.match(r"(?:end|to|until|max|before)_", word)
    if not (later or earlier):
        return None
    match = later or earlier
    assert match is not None  # noqa: S101 (one of the two)
    stem = (word[: match.start()] + word[match.end() :]).strip("_")
    forms = [stem, f"{stem}_at", f"{stem}_on", f"{stem}_date", f"{stem}_time", f"date_{stem}"]
    times = [n for n, c in known.items() if c.type in {"datetime", "date"}]
    named = [n for n in times if n in quoted] or [n for n in times if snake(n) in forms]
    if len(named) != 1:
        return None
    if re.search(r"on or (?:after|before)|or equal|inclusive|at or (?:after|before)", text):
        return named[0], [">="] if later else ["<="], known[named[0]].type == "date"
    return named[0], [">", ">="] if later else ["<", "<="], False


def _only(
    found: Conditions,
    parameter: Parameter,
    inner: Shape,
    known: Mapping[str, Known],
    *,
    listed: bool,
) -> None:
    """Add a column that is only to filter by."""
    name = re.sub(r"[^\w-]+", "_", parameter.name.removesuffix("[]")).strip("_") or "value"
    if len(name) > _LONGEST:
        return
    type_ = "string" if inner.kind == "any" or listed else inner.type
    words = f"; {', '.join(inner.values)}" if inner.values else ""
    about = first_sentence(parameter.description).rstrip(".") or "see the API's documentation"
    if name.lower() in {k.lower() for k in (*known, *found.filters)}:
        found.notes.append(
            f"{QUESTION}{parameter.name!r} is left out of the filters: there is a column {name!r}, "
            f"but it is not clear that the parameter compares with it. It says: {about}{words}."
        )
        return
    written: dict[str, Plain] = {"parameter": parameter.name, "type": type_}
    if parameter.required:
        written["required"] = True
        if inner.values:
            found.notes.append(
                f"{QUESTION}The API wants {parameter.name!r} in every request. To read all of it, "
                f"put in place of the filter: fan_out: {{parameter: {parameter.name}, values: "
                f"[{', '.join(inner.values)}], into: {name}}}"
            )
    if inner.values or parameter.description:
        written["description"] = f"Only to filter by: {about}{words}."
    found.filters[name] = [written]


def _same_kind(type_: str, column: str) -> bool:
    if type_ == column or "scalar" in {type_, column}:
        return True
    kinds: Sequence[set[str]] = (
        {"integer", "number", "decimal(20,0)"}, {"date", "datetime"}, {"string", "integer"},
    )  # fmt: skip
    return any({type_, column} <= kind for kind in kinds)
