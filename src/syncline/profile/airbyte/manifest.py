"""A manifest as a tree of components: references followed, parameters handed down."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from syncline.errors import ProfileError
from syncline.profile.airbyte.findings import Refused
from syncline.profile.nesting import too_deep, too_large

_Loader: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
#: References inside each other that are followed.
_DEEPEST = 40
_MOST = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A mapping of a manifest, with the parameters that reach it.

    A parameter stands for a field of its name that the component does not have itself.
    """

    manifest: Mapping[str, Any] = field(repr=False)
    fields: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def type(self) -> str:
        """The component's type; '' where it goes without saying."""
        return str(self.fields.get("type") or "")

    def has(self, name: str) -> bool:
        """Say whether a field has a value of its own."""
        return self.fields.get(name) not in (None, "", {}, [])

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, references followed, or the parameter of its name."""
        value = self.fields.get(name)
        if value in (None, ""):
            value = self.parameters.get(name)
        return default if value in (None, "") else resolved(self.manifest, value)

    def part(self, name: str) -> "Component | None":
        """Return a component inside this one; None if there is none. Raises `Refused`."""
        value = resolved(self.manifest, self.fields.get(name))
        if value in (None, "", {}):
            return None
        if not isinstance(value, Mapping):
            raise Refused(name, "it is no component")
        return self._inside(value)

    def parts(self, name: str) -> Iterator["Component"]:
        """Yield the components of a list, or the one that stands in its place."""
        value = resolved(self.manifest, self.fields.get(name))
        for each in value if isinstance(value, list) else [value]:
            inner = resolved(self.manifest, each)
            if isinstance(inner, Mapping):
                yield self._inside(inner)

    def named(self, name: str) -> Mapping[str, "Component"]:
        """Return the components of a mapping, by key."""
        value = resolved(self.manifest, self.fields.get(name))
        found: dict[str, Component] = {}
        for key, each in value.items() if isinstance(value, Mapping) else ():
            inner = resolved(self.manifest, each)
            if isinstance(inner, Mapping):
                found[str(key)] = self._inside(inner)
        return found

    def _inside(self, value: Mapping[str, Any]) -> "Component":
        own = value.get("$parameters") or value.get("$options") or {}
        own = own if isinstance(own, Mapping) else {}
        return Component(
            manifest=self.manifest, fields=value, parameters={**self.parameters, **own}
        )


def manifest_of(text: str, origin: str) -> Component:
    """Return a manifest. Raises `ProfileError` if it is none."""
    if len(text) > _MOST:
        raise ProfileError(f"{origin}: a manifest of {len(text)} characters is not read")
    endless = too_deep(text)
    if endless:
        raise ProfileError(f"{origin}: not read: {endless}")
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 (the safe loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())
        raise ProfileError(f"{origin}: not YAML: {said}") from error
    endless = too_large(content)
    if endless:
        raise ProfileError(f"{origin}: not read: {endless}")
    if not isinstance(content, Mapping) or not isinstance(content.get("streams"), list):
        kind = " of dynamic streams only" if _is_dynamic(content) else ""
        raise ProfileError(
            f"{origin}: no declarative manifest{kind}: it has no list 'streams'",
            hint="give the manifest.yaml of a low-code connector",
        )
    return Component(manifest=content, fields=content)


def _is_dynamic(content: object) -> bool:
    return isinstance(content, Mapping) and "dynamic_streams" in content


def resolved(manifest: Mapping[str, Any], value: Any, depth: int = 0) -> Any:
    """Return a value with a reference at its top followed. Raises `Refused`."""
    if depth > _DEEPEST:
        raise Refused("a reference that leads to itself")
    if isinstance(value, str) and value.startswith("#/"):
        return resolved(manifest, _at(manifest, value), depth + 1)
    if isinstance(value, Mapping) and isinstance(value.get("$ref"), str):
        target = resolved(manifest, _at(manifest, value["$ref"]), depth + 1)
        own = {key: inner for key, inner in value.items() if key != "$ref"}
        return {**target, **own} if isinstance(target, Mapping) else target
    return value


def deep(manifest: Mapping[str, Any], value: Any, depth: int = 0) -> Any:
    """Return a value with every reference in it followed. Raises `Refused`."""
    if depth > _DEEPEST:
        raise Refused("values too deep inside each other, or a reference that leads to itself")
    top = resolved(manifest, value)
    match top:
        case Mapping():
            return {str(k): deep(manifest, v, depth + 1) for k, v in top.items()}
        case list():
            return [deep(manifest, each, depth + 1) for each in top]
        case _:
            return top


def _at(manifest: Mapping[str, Any], reference: str) -> Any:
    value: Any = manifest
    for step in reference.removeprefix("#/").split("/"):
        match value:
            case Mapping() if step in value:
                value = value[step]
            case list() if step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            case _:
                raise Refused(f"the reference {reference}", "it leads nowhere")
    return value
