"""Records `syncline demo` as docs/images/demo.svg; `make screenshots`."""
# ruff: noqa: INP001 (a script, not a package)

import html
import io
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

HERE = Path(__file__).parent / "images" / "demo.svg"
_COMMAND = "make demo"
#: As many columns as terminals have.
_TERMINAL = 80
#: Of one character, and around all of them.
_WIDTH, _HEIGHT, _MARGIN, _BAR = 8.4, 19, 18, 34
_FONT = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"
_PLAIN, _BACKGROUND, _DIM, _FRAME = "#d6dde6", "#16202b", "#748394", "#0e161e"
_COLOURS: Mapping[str, str] = {"red": "#ff7b72", "green": "#7ee787", "yellow": "#e3b341",
                               "cyan": "#76d9e6"}  # fmt: skip


def main() -> None:
    """Run the demo as a person would, and draw what it printed."""
    shown = Text.assemble(("$ ", "dim"), (_COMMAND, "bold"), "\n", Text.from_ansi(recorded()))
    width = max(len(line) for line in shown.plain.splitlines())
    console = Console(width=width, file=io.StringIO(), color_system="standard")
    HERE.parent.mkdir(exist_ok=True)
    HERE.write_text("\n".join(drawn(console.render_lines(shown, pad=False), width)), "utf-8")


def recorded() -> str:
    """Return what the demo prints, colours included."""
    with tempfile.TemporaryDirectory() as folder:
        # The demo names the Python it runs with, as seen from the folder it is started in.
        (Path(folder) / ".venv").symlink_to(sys.prefix)
        code = "from syncline.cli.main import main; main()"
        done = subprocess.run(  # noqa: S603 (our own program)
            [f"{Path(folder).resolve()}/.venv/bin/python", "-c", code, "demo"],
            cwd=folder,
            env={"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": str(_TERMINAL)},
            stdout=subprocess.PIPE,
            # Progress is drawn there, and gone when the demo ends.
            stderr=subprocess.DEVNULL,
            check=True,
        )
    return done.stdout.decode().rstrip()


def drawn(lines: list[list[Segment]], columns: int) -> Iterator[str]:
    """Yield the lines of an SVG; each word has its own place, whatever font is there."""
    width = round(columns * _WIDTH + 2 * _MARGIN)
    height = _BAR + len(lines) * _HEIGHT + _MARGIN
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
        f'role="img" aria-label="What {_COMMAND} prints">'
    )
    yield f'<rect width="{width}" height="{height}" rx="8" fill="{_BACKGROUND}"/>'
    yield f'<path d="M0 24V8a8 8 0 0 1 8-8H{width - 8}a8 8 0 0 1 8 8V24z" fill="{_FRAME}"/>'
    for at, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        yield f'<circle cx="{16 + 18 * at}" cy="12" r="5" fill="{colour}"/>'
    yield f'<g font-family="{_FONT}" font-size="14" fill="{_PLAIN}">'
    for number, line in enumerate(lines):
        yield from _line(line, _BAR + _HEIGHT * number + 12)
    yield "</g>\n</svg>\n"


def _line(line: list[Segment], y: float) -> Iterator[str]:
    column = 0
    for text, style, _ in line:
        for word in re.finditer(r"\S+", text):
            x = round(_MARGIN + (column + word.start()) * _WIDTH, 1)
            length = round(len(word[0]) * _WIDTH, 1)
            if set(word[0]) == {"─"}:
                yield f'<path d="M{x} {y - 5}h{length}" stroke="{_DIM}"/>'
                continue
            yield (
                f'<text x="{x}" y="{y}" textLength="{length}" lengthAdjust="spacingAndGlyphs"'
                f"{_look(style)}>{html.escape(word[0])}</text>"
            )
        column += len(text)


def _look(style: Style | None) -> str:
    if style is None:
        return ""
    name = style.color.name if style.color else ""
    colour = _DIM if style.dim else _COLOURS.get(name)
    return (' font-weight="bold"' if style.bold else "") + (f' fill="{colour}"' if colour else "")


if __name__ == "__main__":
    main()
