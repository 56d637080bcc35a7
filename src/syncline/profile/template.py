"""Templates of profiles: ``{Setting}`` and ``{parent.column}`` are substituted, nothing else."""

import re
from collections.abc import Mapping

from syncline.errors import ProfileError

_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\}")


def places(template: str) -> tuple[str, ...]:
    """Return the names a template substitutes, in order of appearance."""
    return tuple(_PLACE.findall(template))


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
