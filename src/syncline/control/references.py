"""Values that a project file does not hold itself: variables, and what a vault has sealed."""

import os
import re
from collections.abc import Mapping
from itertools import chain, count

from syncline.errors import ProjectError
from syncline.profile.loader import SEALED

#: ``${NAME}``: the environment variable of that name.
VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_LETTERS = re.compile(r"[^A-Z0-9]+")


def is_sealed(value: object) -> bool:
    """Return whether a value looks like one that a vault has sealed."""
    return isinstance(value, str) and value.startswith(SEALED)


def variable_for(text: str, taken: list[str]) -> str:
    """Return the name of a variable that stands for one secret alone, and note it as taken."""
    plain = _LETTERS.sub("_", text.upper())
    plain = f"_{plain}" if plain[:1].isdigit() else plain
    names = chain((plain,), (f"{plain}_{number}" for number in count(2)))
    name = next(name for name in names if name not in taken)
    taken.append(name)
    return name


def substituted(
    connection: str, properties: Mapping[str, object], environment: Mapping[str, str] = os.environ
) -> dict[str, object]:
    """Return properties with every ``${NAME}`` replaced by the variable of that name.

    Raises `ProjectError` for a variable that is not set.
    """

    def value(found: object, place: str) -> object:
        if isinstance(found, Mapping):
            return {k: value(v, f"{place}.{k}") for k, v in found.items()}
        if not isinstance(found, str):
            return found
        if is_sealed(found):
            raise ProjectError(
                f"connections.{connection}.{place} is sealed, and a file has no key to open it",
                hint="apply the file to the store that sealed it, or write ${NAME} instead",
            )

        def variable(match: re.Match[str]) -> str:
            if match[1] not in environment:
                raise ProjectError(
                    f"connections.{connection}.{place}: the environment variable {match[1]} "
                    "is not set",
                    hint=f"set it before you start syncline: export {match[1]}=…",
                )
            return environment[match[1]]

        return VARIABLE.sub(variable, found)

    return {k: value(v, k) for k, v in properties.items()}
