"""Project files as text: YAML that reads back to the same, for people to keep in git."""

from typing import Any

import yaml

from syncline.profile.loader import PLAIN_WORDS, SEALED

_WIDTH = 100


class _Dumper(yaml.SafeDumper):
    """Writes what our loader reads: quotes what it would take for something else than a text."""

    def increase_indent(
        self,
        flow: bool = False,  # noqa: FBT001, FBT002 (PyYAML's signature)
        indentless: bool = False,  # noqa: ARG002, FBT001, FBT002 (as above)
    ) -> None:
        """Put list items under their key, not beside it."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if text.startswith(SEALED):
        return dumper.represent_scalar("!sealed", text.removeprefix(SEALED))
    # Queries of several lines stay readable; trailing spaces would not survive that.
    block = "\n" in text and all(line == line.rstrip() for line in text.split("\n"))
    style = "|" if block else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
for _tag, _pattern, _first in PLAIN_WORDS:
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _pattern, _first)


def written(document: dict[str, Any]) -> str:
    """Return a document as YAML, in its own order."""
    text: str = yaml.dump(
        document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return text
