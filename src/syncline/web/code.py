"""An editor for code, in the theme of the page."""

import json
from collections.abc import Sequence
from typing import Literal

from nicegui import ui

from syncline.control.usecases.exploring import Mistake

_THEME = "Quasar.Dark.isActive ? 'vscodeDark' : 'vscodeLight'"
#: Gives the editor its name, and words to offer; it may not be there yet.
_FURNISH = """
(async () => {
  const words = %s.map((label) => ({label, type: 'variable'}));
  const cm = await import('nicegui-codemirror');
  for (let n = 0; n < 100 && !getElement(%d)?.editor; n++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const complete = (context) => {
    const word = context.matchBefore(/[\\w@]*/);
    if (!word || (word.from === word.to && !context.explicit)) return null;
    return {from: word.from, options: words, validFor: /^[\\w@]*$/};
  };
  const more = words.length ? [{autocomplete: complete}] : [];
  const offer = cm.EditorState.languageData.of(() => more);
  const named = cm.EditorView.contentAttributes.of({'aria-label': %s});
  getElement(%d)?.editor?.dispatch({effects: cm.StateEffect.appendConfig.of([offer, named])});
})()
"""


def editor(
    value: str, language: Literal["SQL", "YAML"], *, label: str, words: Sequence[str] = ()
) -> ui.codemirror:
    """Show an editor; ``words``: what it offers beside the words of its language."""
    made = ui.codemirror(value, language=language, line_wrapping=True)
    made.props(remove="theme").props[":theme"] = _THEME
    given = (json.dumps(list(words)), made.id, json.dumps(label), made.id)
    ui.run_javascript(_FURNISH % given)
    return made


def point_at(code: ui.codemirror, mistake: Mistake | None) -> None:
    """Underline the word that is wrong, if a mistake has one."""
    code.decorations = []
    if mistake is None or mistake.line is None:
        return
    lines = code.value.split("\n")
    if mistake.line > len(lines):
        return
    start = sum(len(line) + 1 for line in lines[: mistake.line - 1]) + mistake.column
    end = min(start + max(mistake.length, 1), len(code.value))
    if start < end:
        code.decorations = [{"kind": "mark", "from": start, "to": end, "class": "mistaken"}]
