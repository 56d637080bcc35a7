"""YAML that would end the process, or never end, is refused before it does."""

import pytest

from syncline.errors import ProfileError
from syncline.profile.loader import parse_profile
from syncline.profile.nesting import too_deep, too_large

HEAD = "name: A\nauth: [{scheme: None}]\nbase_url: https://x\ntables:\n  T:\n    path: /t\n"


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: " + "{b: " * 100_000,
        "a: " + "[" * 100_000 + "]" * 100_000,
        "- " * 100_000,
        # Closing brackets that are none.
        "".join(f"[ '{']' * 3}', " for _ in range(3000)),
        "\n".join(f"{' ' * n}a:" for n in range(2000)),
    ],
)
def test_what_is_too_deep_is_not_parsed(text: str) -> None:
    assert "more than 200 levels inside each other" in too_deep(text)
    with pytest.raises(ProfileError, match="not read: more than 200 levels"):
        parse_profile(text, "a.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a: 1",
        "a: " + "[" * 150 + "]" * 150,
        "a: [" + ", ".join(["{b: 1}"] * 10_000) + "]",
        "a: " + "x" * 100_000,
    ],
)
def test_what_may_be_parsed(text: str) -> None:
    assert too_deep(text) == ""


def test_bombs_of_aliases() -> None:
    with pytest.raises(ProfileError, match="not read: more than 500000 values, by aliases"):
        parse_profile(bomb(9), "a.yaml")
    with pytest.raises(ProfileError, match="not read: an alias inside of what it stands for"):
        parse_profile("a: &a [*a]", "a.yaml")
    assert too_large({"a": [1, {"b": [2]}]}) == ""


def test_few_aliases_are_fine() -> None:
    text = HEAD + "    columns: &c {id: integer}\n  U: {path: /u, columns: *c}\n"
    assert list(parse_profile(text, "a.yaml").tables) == ["T", "U"]
