"""The connector's configuration as settings of a profile."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncline.profile.airbyte.expressions import Choice, Reference, Step, text_of
from syncline.profile.airbyte.findings import Refused

_TAG = re.compile(r"<[^<>]+>")
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")
_LONGEST = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What the specification says of one value of the configuration."""

    schema: Mapping[str, Any]
    required: bool


@dataclass(slots=True, kw_only=True)
class Settings:
    """Hands out names of settings for what manifests read of the configuration."""

    specification: Mapping[str, Any]
    #: Paths in the configuration, by the name of the setting.
    _paths: dict[str, tuple[Step, ...]] = field(default_factory=dict)
    _found: dict[str, dict[str, Any]] = field(default_factory=dict)

    def default(self, reference: Reference) -> Any:
        """Return the value that the configuration has if nobody says another; None without one."""
        known = self._known(reference.path)
        return (
            reference.default if known is None else known.schema.get("default", reference.default)
        )

    def _known(self, path: tuple[Step, ...]) -> _Known | None:
        values: dict[tuple[Step, ...], _Known] = dict(_values(self.specification, ()))
        return values.get(path)

    def name(self, reference: Reference, *, secret: bool = False) -> str:
        """Return the name of the setting that a reference to ``config`` reads. Raises `Refused`."""
        path = reference.path
        if not path or not all(isinstance(step, str) for step in path):
            raise Refused(f"the value {list(path)} of the configuration")
        known = self._known(path)
        name = _NO_NAME.sub("_", str(path[-1]))
        if self._paths.get(name, path) != path or name[0].isdecimal():
            name = "_".join(_NO_NAME.sub("_", str(step)) for step in ("config", *path))
        self._paths[name] = path
        setting = self._found.setdefault(name, _setting(known, reference.default))
        if secret or (known is not None and known.schema.get("airbyte_secret")):
            setting["secret"] = True
        return name

    def chosen(self, name: str, choice: Choice) -> str:
        """Return the name of a setting that takes one of two texts."""
        setting = {
            "description": f"The first if {choice.condition}; the second is usual.",
            "default": choice.no,
            "choices": [choice.yes, choice.no],
        }
        if self._found.setdefault(name, setting) != setting:
            raise Refused(f"a second choice: {choice.condition}")
        return name

    def document(self) -> dict[str, Any]:
        """Return the settings that were read, as profiles have them."""
        return {name: dict(sorted(setting.items())) for name, setting in self._found.items()}


def _setting(known: _Known | None, default: Any) -> dict[str, Any]:
    if known is None:
        return {"default": "" if default is None else text_of(default)}
    schema = known.schema
    setting: dict[str, Any] = {}
    text = _TAG.sub("", str(schema.get("description") or schema.get("title") or ""))
    if text:
        setting["description"] = " ".join(text.split())[:_LONGEST]
    given = schema.get("default", default)
    if isinstance(given, str | int | float | bool):
        setting["default"] = text_of(given)
    elif not known.required:
        setting["default"] = ""
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        setting["choices"] = [text_of(choice) for choice in choices]
        if setting.get("default") not in {None, *setting["choices"]}:
            del setting["default"]
    examples = schema.get("examples")
    if isinstance(examples, list) and examples and isinstance(examples[0], str | int):
        setting["example"] = str(examples[0])
    return setting


def _values(
    schema: Mapping[str, Any], at: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], _Known]]:
    """Yield every value of a configuration's schema, by path; alternatives are not required."""
    required = schema.get("required")
    for alternative in schema.get("oneOf") or ():
        if isinstance(alternative, Mapping):
            for path, known in _values(alternative, at):
                yield path, _Known(schema=known.schema, required=False)
    properties = schema.get("properties")
    for name, inner in properties.items() if isinstance(properties, Mapping) else ():
        if isinstance(inner, Mapping):
            needed = isinstance(required, list) and name in required
            yield (*at, str(name)), _Known(schema=inner, required=needed)
            yield from _values(inner, (*at, str(name)))
