"""Templates of profiles: ``{Setting}``, ``{parent.column}`` and ``{today}`` are substituted."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from syncline.errors import ProfileError

_DAY = r"today(?:[+-]\d{1,4})?"
_PLACE = re.compile(rf"\{{({_DAY}|[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\}}")


def places(template: str) -> tuple[str, ...]:
    """Return the names a template substitutes, in order of appearance."""
    return tuple(_PLACE.findall(template))


def is_day(place: str) -> bool:
    """Say whether a place is a day, such as ``today-30``."""
    return re.fullmatch(_DAY, place) is not None


def days(templates: Iterable[str], today: date) -> Mapping[str, str]:
    """Return the days that templates name, ISO 8601."""
    named = {place for template in templates for place in places(template) if is_day(place)}
    return {
        place: (today + timedelta(days=int(place.removeprefix("today") or 0))).isoformat()
        for place in named
    }


def fill(template: str, values: Mapping[str, str]) -> str:
    """Return the template with every place filled.

    Raises `ProfileError` for a name without a value. Values are not templates: braces in
    them stay as they are.
    """

    def value(match: re.Match[str]) -> str:
        try:
            return values[match[1]]
        except KeyError:
            known = ", ".join(sorted(values)) or "none"
            raise ProfileError(
                f"the template {template!r} names {{{match[1]}}}, which has no value",
                hint=f"names with a value here: {known}",
            ) from None

    return _PLACE.sub(value, template)
