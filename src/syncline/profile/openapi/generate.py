"""A whole profile from a document: tables, what they have in common, and what is open."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from syncline.errors import ProfileError
from syncline.profile.loader import parse_profile
from syncline.profile.nearest import near
from syncline.profile.openapi.columns import columns_of
from syncline.profile.openapi.conditions import projection_of
from syncline.profile.openapi.document import Document, mapping
from syncline.profile.openapi.keys import Parent, Place, key_of, parent_of
from syncline.profile.openapi.lists import Listing, Unlisted, listings, lists_at
from syncline.profile.openapi.naming import place_in, segments, table_name, words
from syncline.profile.openapi.security import Access, access_of
from syncline.profile.openapi.shapes import Shape, first_sentence, inside, shape_of
from syncline.profile.openapi.tables import Inherited, Making, made_table, making_of
from syncline.profile.schema import Profile
from syncline.profile.writing import QUESTION, Noted, Plain, questions, written

Value = TypeVar("Value")

_BRACES = re.compile(r"[?&\s`\"](?:fields|select)=[\w.,]*\w\{\w")
_DOTS = re.compile(r"[?&\s`\"](?:fields|select)=(?:\w+,)*\w+\.\w")
_UNTITLED = {"api", "rest", "documentation", "docs", "reference", "specification", "the", "public",
             "spec", "openapi", "swagger", "service", "s", "v1", "v2", "v3", "v4"}  # fmt: skip
_MESSAGES = ("message", "error.message", "error_description", "detail", "errors.0.message",
             "error", "title", "msg")  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """A profile made from a document."""

    text: str
    profile: Profile
    #: Comments in the text that wait for an answer.
    questions: int
    #: Lists of the document that are no tables, and why.
    left: tuple[str, ...]


def generate(document: Document, *, tables: Collection[str] = ()) -> Generated:
    """Return the profile of a document; ``tables``: only these, and the parents they need.

    What the document does not tell is a comment beginning with ``?`` at its place, never a
    guess. Raises `ProfileError` if nothing in the document is a list of records.
    """
    found = list(listings(document))
    listed = [each for each in found if isinstance(each, Listing)]
    projections = {p for each in listed if (p := projection_of(each.operation)) is not None}
    style = _style(document) if projections else None
    left = [f"{each.path}: {each.why}" for each in found if isinstance(each, Unlisted)]
    makings = _connected(_makings(document, listed, projected=style is not None), left)
    if not makings:
        raise ProfileError(
            f"{document.origin}: no GET of it lists records with described members",
            hint="use 'syncline profile infer' on an address that lists them",
        )
    chosen = _chosen(makings, tables)
    access = access_of(document)
    inherited = _inherited(chosen, style)
    taken = {m.name for m in makings}
    made: dict[str, Plain] = {
        making.name: made_table(
            document, making, inherited=inherited, path=_path(making, access),
            projection=_projection(making, style), taken=taken,
        )
        for making in chosen
    }  # fmt: skip
    below = tuple(f"no table: {why}" for why in left) if not tables else ()
    content = _profile(
        document, access,
        defaults=_defaults(chosen, inherited, style), tables=Noted(value=made, below=below),
    )  # fmt: skip
    text = written(_head(document, content), content)
    return Generated(
        text=text,
        profile=parse_profile(text, f"the profile of {document.origin}"),
        questions=questions(content),
        left=tuple(left),
    )


def _makings(document: Document, listed: Sequence[Listing], *, projected: bool) -> Iterator[Making]:
    """Yield the tables in the document's order; short paths choose their names first."""
    operations = list(document.operations())
    names: dict[str, str] = {}
    for each in sorted(listed, key=lambda one: _depth(one.operation.path)):
        path = each.operation.path
        names[path] = table_name(path, each.record.name, list(names.values()))
    records = [frozenset(each.record.members) for each in listed]
    for each in listed:
        path = each.operation.path
        asked = projected and projection_of(each.operation) is not None
        found = columns_of(document, each.record, projected=asked, tables=records)
        # GET /fields/{collection} may list the fields of a collection, which is no key of one.
        below = [o for o in operations if segments(o.path)[:-1] == segments(path)]
        paths = [o.path for o in below if not lists_at(document, o, each.records)]
        key = key_of(names[path], path, found.known, paths)
        yield making_of(document, names[path], each, key, found)


def _depth(path: str) -> tuple[int, int]:
    parts = segments(path)
    return sum(place_in(p) is not None for p in parts), len(parts)


def _connected(makings: Iterator[Making], left: list[str]) -> list[Making]:
    """Return the tables with their parents; those that need two at once are left out."""
    waiting = list(makings)
    known: list[Place] = []
    kept: list[Making] = []
    for making in sorted(waiting, key=lambda m: _depth(m.listing.operation.path)):
        path = making.listing.operation.path
        making.parent, why = parent_of(path, known)
        if why:
            left.append(f"{path}: {why}")
            continue
        known.append(
            Place(
                name=making.name, path=path, key=making.key, known=making.found.known,
                parent=making.parent,
            )
        )  # fmt: skip
        kept.append(making)
    return [m for m in waiting if m in kept]


def _chosen(makings: Sequence[Making], wanted: Collection[str]) -> list[Making]:
    if not wanted:
        return list(makings)
    by_name = {m.name.lower(): m for m in makings}
    names: set[str] = set()
    for name in wanted:
        making = by_name.get(name.lower())
        if making is None:
            known = [m.name for m in makings]
            raise ProfileError(
                f"the document has no table {name!r}{near(name, known)}",
                hint="without --tables, all are written",
            )
        while making is not None and making.name not in names:
            names.add(making.name)
            making = by_name[making.parent.table.lower()] if making.parent else None
    return [m for m in makings if m.name in names]


def _inherited(makings: Sequence[Making], style: str | None) -> Inherited:
    projections = {projection_of(m.listing.operation) for m in makings}
    shared = len(projections) == 1 and None not in projections and style is not None
    return Inherited(
        records=_most(makings, lambda m: m.listing.records),
        page=_most(makings, lambda m: m.paging.page),
        pagination=_most(makings, lambda m: m.paging.pagination),
        projection={"parameter": str(projections.pop()), "style": str(style)} if shared else None,
    )


def _most(makings: Sequence[Making], value: Callable[[Making], Value]) -> Value:
    """Return the value that most tables have."""
    values = [value(m) for m in makings]
    most, _ = Counter(map(repr, values)).most_common(1)[0]
    return next(v for v in values if repr(v) == most)


def _style(document: Document) -> str | None:
    """Return how fields within fields are named, if the document shows it somewhere."""
    for text in _texts(document.content, set()):
        if _BRACES.search(text):
            return "braces"
        if _DOTS.search(text):
            return "comma"
    return None


def _texts(node: object, seen: set[int]) -> Iterator[str]:
    """Yield every text; ``seen``: parts that were looked at, as YAML may hold one in itself."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, Mapping | list) and id(node) not in seen:
        seen.add(id(node))
        for inner in node.values() if isinstance(node, Mapping) else node:
            yield from _texts(inner, seen)


def _projection(making: Making, style: str | None) -> dict[str, Plain] | None:
    parameter = projection_of(making.listing.operation)
    if parameter is None or style is None:
        return None
    return {"parameter": parameter, "style": style}


def _path(making: Making, access: Access) -> str:
    """Return a table's path; what no parent fills in becomes a setting."""
    parts = []
    for part in making.listing.operation.path.split("/"):
        name = part
        for place in re.findall(r"\{([^{}]*)\}", part):
            column = _filled_by(making.parent, place)
            if column is not None:
                name = name.replace(f"{{{place}}}", f"{{parent.{column}}}")
                continue
            setting = _setting(place)
            name = name.replace(f"{{{place}}}", f"{{{setting}}}")
            access.settings.setdefault(
                setting, {"description": f"Fills {{{place}}} in paths: only its rows are read."}
            )
        parts.append(name)
    return "/".join(parts)


def _filled_by(parent: Parent | None, place: str) -> str | None:
    """Return the parent's column that fills in a place of a path."""
    if parent is None:
        return None
    every = {own: column for own, column, _ in parent.also} | {parent.place: parent.column}
    return every.get(place)


def _setting(place: str) -> str:
    """Return the name of the setting for a place of a path; others may be called nearly so."""
    plain = re.sub(r"\W+", "_", place)
    plain = plain if re.match(r"[A-Za-z_]", plain) else f"_{plain}"
    others = {"user", "password", "token", "apikey", "baseurl"}
    return f"{plain}_in_path" if plain.lower() in others else plain


def _profile(
    document: Document,
    access: Access,
    *,
    defaults: dict[str, Plain],
    tables: Noted,
) -> dict[str, Plain]:
    info = mapping(document.content.get("info"))
    title = str(info.get("title") or PurePath(document.origin).stem)
    found: dict[str, Plain] = {"name": _name(title), "title": title}
    if about := first_sentence(str(info.get("description") or "")):
        found["description"] = about
    external = mapping(document.content.get("externalDocs"))
    if url := str(external.get("url") or ""):
        found["documentation"] = url
    version = str(info.get("version") or "")
    found["checked"] = f"Generated from its {_kind(document)} document, version {version}."
    if access.settings:
        found["settings"] = access.settings
    found["auth"] = Noted(value=access.auth, below=tuple(f"left out: {w}" for w in access.left))
    found["base_url"] = access.base_url
    errors = _errors(document)
    if errors:
        found["errors"] = errors
    found["defaults"] = defaults
    found["tables"] = tables
    return found


def _defaults(
    makings: Sequence[Making], inherited: Inherited, style: str | None
) -> dict[str, Plain]:
    alike = next(m.paging for m in makings if m.paging.pagination == inherited.pagination)
    sized = next(m.paging for m in makings if m.paging.page == inherited.page)
    found: dict[str, Plain] = {}
    if inherited.records:
        found["records"] = inherited.records
    pagination = inherited.pagination or {"type": "none"}
    found["pagination"] = Noted(value=dict(pagination), above=alike.notes)
    if inherited.page is not None:
        found["page"] = Noted(value=dict(inherited.page), above=sized.page_notes)
    named = next((p for m in makings if (p := projection_of(m.listing.operation))), None)
    if inherited.projection is not None:
        note = "a text of the document shows how fields within fields are named"
        found["projection"] = Noted(value=inherited.projection, above=(note,))
    elif named is not None and style is None:
        question = (
            f"{QUESTION}{named!r} names the fields wanted, but the document does not show how "
            "those within others are named. One of:"
        )
        first, *rest = found
        above = (
            question,
            f"projection: {{parameter: {named}, style: comma}}  for a,b.c",
            f"projection: {{parameter: {named}, style: braces}}  for a,b{{c}}",
        )
        noted = found[first]
        inner = noted if isinstance(noted, Noted) else Noted(value=noted)
        found = {first: Noted(value=inner.value, above=(*above, *inner.above))} | {
            key: found[key] for key in rest
        }
    return found


def _errors(document: Document) -> list[str]:
    """Return where refusals have their messages, in order of how often."""
    counts: Counter[str] = Counter()
    for operation in document.operations():
        for schema in operation.refusals[:3]:
            known = shape_of(document, schema)
            paths = {".".join(p): s for p, s in _steps(document, known)}
            counts.update(
                m for m in _MESSAGES if (s := paths.get(m)) is not None and s.kind == "scalar"
            )
    return [path for path, _ in counts.most_common(3)]


def _steps(document: Document, known: Shape) -> Iterator[tuple[tuple[str, ...], Shape]]:
    for path, inner in inside(document, known, 2):
        yield path, inner
        if inner.kind == "array":
            element = shape_of(document, inner.items)
            for below, deeper in inside(document, element, 1):
                yield (*path, "0", *below), deeper


def _head(document: Document, content: Mapping[str, Plain]) -> tuple[str, ...]:
    count = questions(content)
    open_ = f" Lines with '# ?' are open questions ({count})." if count else ""
    return (
        "",
        f"Made by 'syncline profile generate' from {PurePath(document.origin).name}.{open_}",
        "",
    )


def _name(title: str) -> str:
    kept = [w for w in words(title.replace("'s", "")) if w not in _UNTITLED]
    return "".join(w[0].upper() + w[1:] for w in kept[:3]) or "Api"


def _kind(document: Document) -> str:
    if document.swagger:
        return "Swagger 2"
    return f"OpenAPI {str(document.content.get('openapi', '3'))[:3]}"
