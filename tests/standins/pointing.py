"""Complaints about a text, without the lines of it that they show."""


def without_lines(said: str, text: str) -> str:
    """Return the complaints, once each shows the line that it names, and a caret at its column."""
    every, lines = said.splitlines(), text.splitlines()
    assert len(every) % 3 == 0, said
    for head, shown, caret in zip(every[::3], every[1::3], every[2::3], strict=True):
        _, line, column, *_ = head.split(":")
        own, place = lines[int(line) - 1], int(column) - 1
        # Long lines are cut on both sides.
        assert shown.strip("…") in own
        assert len(shown) == len(own) or len(own) > len(shown) >= 120
        assert caret.strip() == "^"
        assert shown[caret.index("^") :][:1] == own[place : place + 1]
    return "\n".join(every[::3])
