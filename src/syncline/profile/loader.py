"""YAML to a model, with file and line in every complaint; profiles by name or path."""

import re
from collections.abc import Sequence
from importlib import resources
from typing import ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from yaml.constructor import ConstructorError

from syncline.errors import ConfigError, ProfileError
from syncline.profile.check import contradictions
from syncline.profile.complaints import complaints, kind
from syncline.profile.malformed import remedy
from syncline.profile.nesting import too_deep, too_large
from syncline.profile.pointing import Spot, pointed, spot_of
from syncline.profile.schema import IN_WORDS, Profile
from syncline.profile.sources import profile_text

Model = TypeVar("Model", bound=BaseModel)

#: How a sealed secret begins; in YAML, the tag ``!sealed`` stands for it.
SEALED = "sealed1:"
#: So many complaints are shown at once.
_AT_ONCE = 10

#: Of complaints that are our own.
_CONTEXT = "while reading a mapping"
_QUOTED = re.compile(r"'[^']{3,}'|\"[^\"]{3,}\"")

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


#: Plain words that are not texts, as in YAML 1.2: neither ``no`` nor ``12:30`` is among them.
_PLAIN = (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))(?:[eE][-+]?[0-9]+)?$",
     list("-+.0123456789")),
    ("merge", r"^<<$", ["<"]),
)  # fmt: skip


class _Strict(_Loader):  # type: ignore[misc, valid-type]  # the base is chosen at run time
    """Keys are texts, whatever they look like; one given twice is refused, not overwritten."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}

    def construct_mapping(
        self,
        node: yaml.MappingNode,
        deep: bool = False,  # noqa: FBT001, FBT002 (PyYAML's signature)
    ) -> dict[str, object]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _refused(node, key, "a key must be a text")
            if key.value in seen:
                raise _refused(node, key, f"the key {key.value!r} stands here twice")
            seen.add(key.value)
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


def _sealed(loader: yaml.SafeLoader, node: yaml.Node) -> str:
    return SEALED + str(loader.construct_scalar(node))  # type: ignore[arg-type]  # refuses others


#: Tag, pattern and first characters of plain words that are not texts.
PLAIN_WORDS = tuple((tag, re.compile(pattern), first) for tag, pattern, first in _PLAIN)
for _tag, _pattern, _first in PLAIN_WORDS:
    _Strict.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)
_Strict.add_constructor("!sealed", _sealed)


def load_profile(profile: str) -> Profile:
    """Return the bundled profile of this name (any case), or the one at a path or address.

    A path is a .yaml file, a folder with a profile.yaml in it, or a zip of such a folder. An
    address is ``https://…#sha256=…``, whose file has been fetched before. Raises
    `ProfileError`.
    """
    bundled = {name.lower(): name for name in bundled_profiles()}
    if profile.lower() in bundled:
        name = f"{bundled[profile.lower()]}.yaml"
        text = resources.files("syncline.profiles").joinpath(name).read_text("utf-8")
        return parse_profile(text, name)
    found = profile_text(profile)
    if found is None:
        names = ", ".join(sorted(bundled.values()))
        raise ProfileError(
            f"no profile is called {profile!r}",
            hint=f"bundled: {names}; or give the path of a .yaml file, a folder or a .zip",
        )
    return parse_profile(*found)


def bundled_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that ship with Syncline."""
    files = resources.files("syncline.profiles").iterdir()
    return tuple(sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml")))


def parse_profile(text: str, origin: str) -> Profile:
    """Return the profile in a YAML text; ``origin`` names it in complaints.

    Raises `ProfileError` with place, line and caret for each of the first complaints.
    """
    profile = parse(text, origin, Profile, ProfileError, show=True)
    found = contradictions(profile)
    if found:
        root = _compose(text, origin, ProfileError, show=True)
        places = [tuple(int(p) if p.isdecimal() else p for p in place) for place, _ in found]
        said = [
            (spot_of(root, place), f"{'.'.join(map(str, place))}: {complaint}")
            for place, (_, complaint) in zip(places, found, strict=True)
        ]
        said.sort(key=lambda each: each[0].line)
        raise _refusal(origin, said, ProfileError, text.splitlines())
    return profile


def parse(
    text: str, origin: str, model: type[Model], error: type[ConfigError], *, show: bool = False
) -> Model:
    """Return the model in a YAML text.

    Raises ``error`` with file, line, place and what was expected, for each of the first
    complaints; ``origin`` names the file in them. ``show``: with the line itself and a caret,
    for files that hold no secrets.
    """
    endless = too_deep(text)
    if endless:
        raise error(f"{origin}: not read: {endless}")
    try:
        content = yaml.load(text, Loader=_Strict)  # noqa: S506 (a subclass of the safe loader)
    except (yaml.YAMLError, ValueError) as cause:
        # What the parser says has the line in it.
        raise _malformed(cause, origin, text, error, show=show) from (cause if show else None)
    endless = too_large(content)
    if endless:
        raise error(f"{origin}: not read: {endless}")
    if not isinstance(content, dict):
        raise error(f"{origin}:1: expected a mapping of keys, found {kind(content)}")
    try:
        return model.model_validate(content)
    except ValidationError as cause:
        found = complaints(cause, model, _compose(text, origin, error, show=show), IN_WORDS)
        said = [(c.spot, str(c)) for c in found]
        raise _refusal(origin, said, error, text.splitlines() if show else ()) from None


def _refusal(
    origin: str,
    said: Sequence[tuple[Spot, str]],
    error: type[ConfigError],
    lines: Sequence[str],
) -> ConfigError:
    """Return the error of the first complaints; ``lines``: those of the text, if they are shown."""
    shown = [
        f"{origin}:{spot.line}:{spot.column}: {complaint}\n{pointed(lines, spot)}"
        if lines
        else f"{origin}:{spot.line}: {complaint}"
        for spot, complaint in said[:_AT_ONCE]
    ]
    more = len(said) - len(shown)
    return error("\n".join(shown), hint=f"and {more} more complaints" if more else "")


def _compose(text: str, origin: str, error: type[ConfigError], *, show: bool) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as cause:
        raise _malformed(cause, origin, text, error, show=show) from (cause if show else None)


def _malformed(
    cause: Exception, origin: str, text: str, error: type[ConfigError], *, show: bool
) -> ConfigError:
    mark = getattr(cause, "problem_mark", None)
    problem = getattr(cause, "problem", None) or str(cause).partition("\n")[0]
    ours = isinstance(cause, ConstructorError) and cause.context == _CONTEXT
    if not (show or ours):
        # Invariant 7: an unquoted password may look like the name of a tag or an alias.
        problem = _QUOTED.sub("…", problem)
    lines = text.splitlines()
    if mark is None:
        at = getattr(cause, "position", None)  # of a character that YAML does not allow
        if not isinstance(at, int):
            return error(f"{origin}: not YAML: {problem}")
        before = text.encode()[:at].decode(errors="ignore").splitlines()
        where = f"{origin}:{len(before)}:{len(before[-1]) + 1}" if before else f"{origin}:1:1"
        return error(f"{where}: not YAML: {problem}", hint="take the character away")
    spot = Spot(line=mark.line + 1, column=mark.column + 1)
    if mark.line >= len(lines):  # the end came too early
        spot = Spot(line=len(lines), column=len(lines[-1]) + 1)
    where = f"{origin}:{spot.line}:{spot.column}"
    there = f"{problem}\n{pointed(lines, spot)}" if show else problem
    if isinstance(cause, ConstructorError):
        tagged = "a text that begins with ! must be in quotes" if "tag" in problem else ""
        return error(f"{where}: {there}", hint=tagged)
    return error(f"{where}: not YAML: {there}", hint=remedy(cause, lines, spot))


def _refused(node: yaml.Node, key: yaml.Node, problem: str) -> ConstructorError:
    return ConstructorError(_CONTEXT, node.start_mark, problem, key.start_mark)
