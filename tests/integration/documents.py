"""The pages of the documentation, taken apart: code, links, headings."""

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)
_LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<target>[^)\s]+)\)")
_SPAN = re.compile(r"(?<!`)`(?P<text>[^`\n]+)`(?!`)")
_HEADING = re.compile(r"^#+ (?P<text>.+)$", re.MULTILINE)
#: The prose before a file's content names it.
_NAMED = re.compile(r"[Ss]ave (?:this )?as `(?P<name>[\w./-]+)`:\n\n\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A piece of code on a page."""

    page: Path
    line: int
    language: str
    text: str
    #: The name under which the page wants it saved.
    file: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Return every page that people read."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path, *languages: str) -> list[Block]:
    """Return the code on a page, in order; with languages, only in those."""
    text = page.read_text("utf-8")
    found = []
    for match in _FENCE.finditer(text):
        if languages and match["language"] not in languages:
            continue
        before = text[: match.start()]
        named = _NAMED.search(before)
        found.append(
            Block(
                page=page,
                line=before.count("\n") + 1,
                language=match["language"],
                text=re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE),
                file=named["name"] if named else None,
            )
        )
    return found


def all_blocks(*languages: str) -> list[Block]:
    """Return the code of these languages on every page."""
    return [block for page in pages() for block in blocks(page, *languages)]


def links(page: Path) -> list[str]:
    """Return where the links of a page lead."""
    return [match["target"] for match in _LINK.finditer(_prose(page))]


def spans(page: Path) -> list[str]:
    """Return the pieces of code inside the sentences of a page."""
    return [match["text"] for match in _SPAN.finditer(_prose(page))]


def anchors(page: Path) -> set[str]:
    """Return the names under which the headings of a page can be linked to."""
    found: set[str] = set()
    for match in _HEADING.finditer(_prose(page)):
        words = re.sub(r"[^\w\- ]", "", match["text"].lower())
        found.add(words.replace(" ", "-"))
    return found


def commands(text: str) -> Iterator[Sequence[str]]:
    """Yield the words after ``syncline`` of each call of it in a shell text."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>()")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("|&;<>()"):
                at = next((i for i, w in enumerate(words) if w.split("/")[-1] == "syncline"), None)
                if at is not None and all("=" in w for w in words[:at]):
                    yield words[at + 1 :]
                words = []
            else:
                words.append(word)


def _prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))
