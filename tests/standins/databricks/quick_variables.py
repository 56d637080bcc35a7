"""Variables in the text of a statement, which Spark puts in before it looks at anything else."""

import os
import re
from collections.abc import Mapping
from typing import Final

_REFERENCE: Final = re.compile(r"\$\{(?:(\w+?):)?(\S+?)\}")
#: Words in front of a setting's name; a setting that is not there is empty.
_SETTINGS: Final = frozenset({None, "spark", "sparkconf", "hivevar", "hiveconf"})
_KNOWN: Final[Mapping[str, str]] = {"spark.app.name": "syncline"}


def substituted(text: str) -> str:
    """Return a statement as Spark reads it, its literals, names and comments too."""
    return _REFERENCE.sub(_value, text)


def _value(found: re.Match[str]) -> str:
    prefix, name = found.groups()
    if prefix in _SETTINGS:
        return _KNOWN.get(name, "")
    # What is not there stays as it is written, and so does a word that means nothing.
    return os.environ.get(name, found[0]) if prefix == "env" else found[0]
