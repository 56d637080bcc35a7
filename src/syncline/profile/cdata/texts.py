"""Texts of RSD files: square brackets name connection properties and inputs."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from syncline.profile.template import places

_BRACKETS = re.compile(r"\[([^\[\]]*)\]")
_NAMED = re.compile(
    r"\s*_(connection|input)\.([A-Za-z_]\w*)\s*(?:\|\s*(?:def|default)\(['\"]?([^'\")]*)['\"]?\)\s*)?"
)
_SECRET = re.compile(r"key|token|secret|password|pwd", re.IGNORECASE)


class Refused(Exception):
    """A part of a schema file has no equal in profiles, so its table cannot be imported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What texts name, as it is found."""

    #: Connection properties by name, with their defaults.
    settings: dict[str, dict[str, object]] = field(default_factory=dict)


def only_input(text: str) -> str | None:
    """Return the input that a text is, if it is nothing else."""
    found = _BRACKETS.fullmatch(text.strip())
    named = _NAMED.fullmatch(found[1]) if found else None
    return named[2] if named and named[1] == "input" else None


def default_of(text: str) -> str | None:
    """Return the default of a text that is one input, if it has one."""
    found = _BRACKETS.fullmatch(text.strip())
    named = _NAMED.fullmatch(found[1]) if found else None
    return named[3] if named else None


def template(text: str, inputs: Inputs, what: str) -> str:
    """Return a text as a profile has it. Raises `Refused` for what only a script can fill in."""
    if places(text):
        raise Refused(f"{what}: braces in {text!r} would name a setting")
    return _BRACKETS.sub(_filled(inputs, what), text)


def _filled(inputs: Inputs, what: str) -> Callable[[re.Match[str]], str]:
    def put(match: re.Match[str]) -> str:
        named = _NAMED.fullmatch(match[1])
        if named is None or named[1] != "connection":
            raise Refused(f"{what}: [{match[1]}] is known to the script only")
        setting = inputs.settings.setdefault(named[2], {})
        if named[3] is not None:
            setting["default"] = named[3]
        if _SECRET.search(named[2]):
            setting["secret"] = True
        return f"{{{named[2]}}}"

    return put
