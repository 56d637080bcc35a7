"""YAML to a model, with file and line in every complaint; profiles by name or path."""

from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import ConstructorError

from syncline.errors import ConfigError, ProfileError
from syncline.profile.check import contradictions
from syncline.profile.schema import Profile

Model = TypeVar("Model", bound=BaseModel)

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Strict(_Loader):  # type: ignore[misc, valid-type]  # the base is chosen at run time
    """Refuses a key given twice, which YAML would silently let win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise ConstructorError(
                    "while reading a mapping",
                    node.start_mark,
                    f"the key {key.value!r} stands here twice",
                    key.start_mark,
                )
            seen.add(key.value)
        mapping: dict[object, object] = super().construct_mapping(node, deep=deep)
        return mapping


def load_profile(profile: str) -> Profile:
    """Return the bundled profile of this name (any case), or the one in the file at this path.

    Raises `ProfileError`.
    """
    bundled = {name.lower(): name for name in bundled_profiles()}
    if profile.lower() in bundled:
        name = f"{bundled[profile.lower()]}.yaml"
        text = resources.files("syncline.profiles").joinpath(name).read_text("utf-8")
        return parse_profile(text, name)
    path = Path(profile).expanduser()
    if path.suffix.lower() not in {".yaml", ".yml"}:
        raise ProfileError(
            f"no profile is called {profile!r}",
            hint=f"bundled: {', '.join(sorted(bundled.values()))}; or give the path of a .yaml file",
        )
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"cannot read the profile {path}: {error}") from error
    return parse_profile(text, str(path))


def bundled_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that ship with Syncline."""
    files = resources.files("syncline.profiles").iterdir()
    return tuple(sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml")))


def parse_profile(text: str, origin: str) -> Profile:
    """Return the profile in a YAML text; ``origin`` names it in complaints."""
    profile = parse(text, origin, Profile, ProfileError)
    found = contradictions(profile)
    if found:
        place, complaint = found[0]
        line = _line(_compose(text, origin, ProfileError), place)
        raise ProfileError(
            f"{origin}:{line}: {'.'.join(map(str, place))}: {complaint}",
            hint=""
            if len(found) == 1
            else f"and {len(found) - 1} more; see 'syncline profile check'",
        )
    return profile


def parse(text: str, origin: str, model: type[Model], error: type[ConfigError]) -> Model:
    """Return the model in a YAML text; raise ``error`` with line, place and what was expected."""
    try:
        content = yaml.load(text, Loader=_Strict)  # noqa: S506 (a subclass of the safe loader)
    except yaml.YAMLError as cause:
        raise _malformed(cause, origin, text, error) from cause
    if not isinstance(content, dict):
        raise error(f"{origin}:1: expected a mapping of keys, found {_kind(content)}")
    try:
        return model.model_validate(content)
    except ValidationError as cause:
        root = _compose(text, origin, error)
        lines = [_complaint(e["loc"], e["msg"], e["type"], e.get("input"), root, origin)
                 for e in cause.errors(include_url=False)]  # fmt: skip
        unique = list(dict.fromkeys(lines))
        raise error("\n".join(unique[:10]), hint=_hint(cause)) from None


def _compose(text: str, origin: str, error: type[ConfigError]) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as cause:
        raise _malformed(cause, origin, text, error) from cause


def _malformed(
    cause: yaml.YAMLError, origin: str, text: str, error: type[ConfigError]
) -> ConfigError:
    mark = getattr(cause, "problem_mark", None)
    problem = getattr(cause, "problem", None) or str(cause)
    if mark is None:
        return error(f"{origin}: not YAML: {problem}")
    source = text.splitlines()
    shown = source[mark.line] if mark.line < len(source) else ""
    return error(
        f"{origin}:{mark.line + 1}: not YAML: {problem}\n{shown}\n{' ' * mark.column}^",
        hint="check the indentation and the quotes around this place",
    )


def _complaint(
    loc: Sequence[int | str], message: str, kind: str, found: object, root: yaml.Node | None,
    origin: str,
) -> str:  # fmt: skip
    place = _present(loc, root)
    where = ".".join(map(str, place)) or "the file"
    if kind == "extra_forbidden":
        return f"{origin}:{_line(root, place)}: {where}: unknown key"
    if kind == "missing":
        return f"{origin}:{_line(root, place)}: {where}: required, but missing"
    text = message[0].lower() + message[1:]
    value = f", found {_kind(found)}" if not isinstance(found, dict | list) else ""
    return f"{origin}:{_line(root, place)}: {where}: {text}{value}"


def _present(loc: Sequence[int | str], root: yaml.Node | None) -> tuple[int | str, ...]:
    """Cut what pydantic adds to a place for its unions (tags and type names)."""
    place: list[int | str] = []
    node = root
    for index, part in enumerate(loc):
        child = _child(node, part)
        if child is not None:
            place.append(part)
            node = child
        elif index == len(loc) - 1 and isinstance(part, str) and part.isidentifier():
            place.append(part)
    return tuple(place)


def _child(node: yaml.Node | None, part: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((v for k, v in node.value if k.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        found: yaml.Node = node.value[part]
        return found
    return None


def _line(root: yaml.Node | None, place: Sequence[int | str]) -> int:
    """Return the line of the deepest part of a place that stands in the text."""
    line, node = 1, root
    for part in place:
        if isinstance(node, yaml.MappingNode):
            key = next((k for k, _ in node.value if k.value == str(part)), None)
            if key is not None:
                line = key.start_mark.line + 1
        node = _child(node, part)
        if node is None:
            break
        if not isinstance(part, str):
            line = node.start_mark.line + 1
    return line


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", type(None): "nothing"}
    return names.get(type(value), repr(value))


def _hint(cause: ValidationError) -> str:
    return "" if cause.error_count() <= 10 else f"{cause.error_count()} complaints in all"
