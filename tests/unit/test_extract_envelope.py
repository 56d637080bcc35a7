"""What is around the records of a page, read before them."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.extract.envelope import Envelope

NAMES = st.sampled_from(["meta", "next", "total", "data", "a", 'x"meta', '"meta":', "", "é"])
DOCUMENTS = st.dictionaries(
    NAMES,
    st.recursive(
        st.none() | st.integers(0, 9) | NAMES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=5,
)


@given(DOCUMENTS, st.sampled_from([None, (",", ":")]))
def test_what_the_paginator_reads_early_is_what_it_reads(
    document: dict[str, Any], separators: tuple[str, str] | None
) -> None:
    # Whatever stands before, inside or after the records, and whatever texts look like.
    wanted = ("meta.next", "total", "meta.next.total")
    body = json.dumps(document, separators=separators, ensure_ascii=False).encode()
    envelope = Envelope("data", wanted, msgspec.Raw, answer="either", strict=True)
    meta: Any = document.get("meta")
    following: Any = meta.get("next") if isinstance(meta, dict) else None
    if not isinstance(meta, dict | None) or not isinstance(following, dict | None):
        with pytest.raises(msgspec.ValidationError):
            envelope.values(body)
        return
    paths = {"total": document}
    if meta is not None:
        paths["meta.next"] = meta
    if following is not None:
        paths["meta.next.total"] = following
    around = {p: d[p.split(".")[-1]] for p, d in paths.items() if p.split(".")[-1] in d}
    assert envelope.values(body) == around


def test_members_of_one_name_inside_another_are_not_taken_for_it() -> None:
    envelope = Envelope("data", ("meta.next", "total"), msgspec.Raw, answer="list", strict=True)
    body = b'{"total": 7, "data": [], "meta": {"total": 9, "next": "x"}}'
    assert envelope.values(body) == {"total": 7, "meta.next": "x"}


def test_records_are_passed_over_for_what_comes_after_them() -> None:
    envelope = Envelope("data", ("next",), msgspec.Raw, answer="list", strict=True)
    assert envelope.values(b'{"data": [not even json], "next": "x"}') == {"next": "x"}
    with pytest.raises(msgspec.DecodeError):
        envelope.values(b'{"next": "x", "data": [not even json]}')
