"""Documents with parts missing and parts of another kind: a profile, or one clear refusal."""

import copy
import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from syncline.errors import ProfileError
from syncline.profile.openapi.document import read_document
from syncline.profile.openapi.generate import generate

_DATA = Path(__file__).parents[1] / "unit" / "data" / "openapi"
_ODD: tuple[Any, ...] = (
    None, 1, "x", [], {}, True, {"$ref": "#/components/schemas/issue"}, [None], ["a", 1], -1.5,
    {"type": ["x", None]}, "{a}", "\u202e\x00\n", "a" * 2000,
)  # fmt: skip


@cache
def whole(name: str) -> Any:
    return json.loads(gzip.decompress((_DATA / name).read_bytes()))


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    for key in (
        node if isinstance(node, dict) else range(len(node) if isinstance(node, list) else 0)
    ):
        yield node, key
        yield from places(node[key])


@pytest.mark.parametrize("seed", range(24))
def test_mangled(seed: int) -> None:
    chance = Random(seed)  # noqa: S311 (no secret)
    document = copy.deepcopy(whole(chance.choice(["github.json.gz", "netlify.json.gz"])))
    known = list(places(document))
    for _ in range(chance.choice([1, 3, 10, 40])):
        node, key = chance.choice(known)
        if isinstance(node, dict) and chance.random() < 0.3:
            node.pop(key, None)
        else:
            node[key] = copy.deepcopy(chance.choice(_ODD))
    try:
        found = generate(read_document(json.dumps(document).encode(), "mangled"))
    except ProfileError as refused:
        assert "the profile of" not in str(refused)  # noqa: PT017 (both ends are right)
    else:
        assert found.profile.tables
