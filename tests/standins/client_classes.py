"""Records as the clients that vendors generate from their OpenAPI documents describe them."""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

_KINDS = {
    "str": "string", "int": "integer", "float": "number", "bool": "boolean", "date": "date",
    "datetime": "datetime", "object": "any",
}  # fmt: skip
_LIST, _MAP = re.compile(r"list\[(.+)\]"), re.compile(r"dict[\[(]str, (.+)[\])]")
#: Of moments that are written in a form of their own: date[ms-format].
_FORM = re.compile(r"\[ms-format\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a class: what it is, and of which class it is, its elements or its values are."""

    kind: str
    inner: str = ""
    #: Its members have names of their own in each account.
    named_freely: bool = False


def members_of(folder: Path) -> dict[str, dict[str, Member]]:
    """Return the members of every class of a folder of models, by their names in JSON."""
    found = {}
    for file in sorted(folder.glob("*.py")):
        for node in ast.parse(file.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                types, names = _table(node, "openapi_types"), _table(node, "attribute_map")
                found[node.name] = {names[own]: _member(type_) for own, type_ in types.items()}
    # A class without members is a list of texts, of which a value is one.
    texts = {name for name, members in found.items() if not members}
    return {
        name: {
            member: replace(each, kind="string") if _one_of(each, texts) else each
            for member, each in members.items()
        }
        for name, members in found.items()
    }


def shape_in(
    classes: Mapping[str, Mapping[str, Member]], name: str, used: Iterable[str]
) -> tuple[dict[str, str], set[str]]:
    """Return the types of a class's members and of the paths that a profile uses.

    And those of the paths that lead through members with names of their own in each account.
    """
    found = {member: each.kind for member, each in classes[name].items()}
    free = set()
    for path in used:
        known = _at(classes, name, path.split("."))
        if known is not None:
            kind, named_freely = known
            found[path] = kind
            free |= {path} if named_freely else set()
    return found, free


def asked_by(folder: Path) -> dict[str, set[str]]:
    """Return the query parameters of every GET of a folder of API classes, by path."""
    found: dict[str, set[str]] = {}
    for file in sorted(folder.rglob("*api*.py")):
        for function in re.split(r"\n    def ", file.read_text("utf-8")):
            path = _GET.search(function)
            if path is not None:
                names = set(re.findall(r"query_params\.append\(\(\"([^\"]+)\"", function))
                found.setdefault((path[1] or path[2]).rstrip("/"), set()).update(names)
    return found


#: The path stands beside the method, or in a line before.
_GET = re.compile(r"\"(/[^\"]+)\",\s+\"GET\"|get_resource_url\(\"([^\"]+)\"\).*?\"GET\"", re.DOTALL)


def commented(source: str, name: str) -> dict[str, str]:
    """Return the types of a class's attributes, each told in a comment above it if it is known."""
    _, _, own = source.partition(f"\nclass {name}(")
    own = own.partition("\nclass ")[0]
    found: dict[str, str] = {}
    for each in _COMMENTED.finditer(own):
        found.setdefault(each[2], _SAID.get((each[1] or "").lower(), "any"))
    return {attribute: kind for attribute, kind in found.items() if attribute != "api"}


_COMMENTED = re.compile(r"(?:# Type: (\w+)\n\s+)?self\.([a-z]\w*) = ")
#: A date is a moment there.
_SAID = {
    "string": "string", "integer": "integer", "boolean": "boolean", "date": "datetime",
    "array": "array", "object": "object",
}  # fmt: skip


def _at(
    classes: Mapping[str, Mapping[str, Member]], name: str, steps: list[str]
) -> tuple[str, bool] | None:
    members, kind, free = classes.get(name, {}), "", False
    at: Member | None = None
    for step in steps:
        if at is not None and at.named_freely:
            kind, free = _member(at.inner).kind, True
            members, at = classes.get(at.inner, {}), None
            continue
        at = members.get(step)
        if at is None:
            return None
        kind, members = at.kind, classes.get(at.inner, {})
    return kind, free


def _member(type_: str) -> Member:
    type_ = _FORM.sub("", type_)
    if listed := _LIST.fullmatch(type_):
        return Member(kind="array", inner=listed[1])
    if mapped := _MAP.fullmatch(type_):
        return Member(kind="object", inner=mapped[1], named_freely=True)
    return Member(kind=_KINDS.get(type_, "object"), inner=type_)


def _one_of(member: Member, texts: set[str]) -> bool:
    return member.kind == "object" and member.inner in texts


def _table(node: ast.ClassDef, name: str) -> dict[str, str]:
    for each in node.body:
        if isinstance(each, ast.Assign) and ast.unparse(each.targets[0]) == name:
            found: dict[str, str] = ast.literal_eval(each.value)
            return found
    return {}
