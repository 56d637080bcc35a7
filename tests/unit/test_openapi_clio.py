"""The profile generated from Clio's own document, held against the one kept by hand."""

import gzip
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from syncline.profile.columns import FlatColumn, table_columns
from syncline.profile.loader import load_profile
from syncline.profile.openapi.document import read_document
from syncline.profile.openapi.generate import Generated, generate
from syncline.profile.schema import ApiTable, ColumnFilter, Profile

_DATA = Path(__file__).parent / "data" / "openapi"
DIFFERENCES: Mapping[str, Any] = yaml.safe_load(
    (_DATA / "clio-differences.yaml").read_text("utf-8")
)
KEPT = load_profile("clio")


@cache
def generated() -> Generated:
    text = gzip.decompress((_DATA / "clio.json.gz").read_bytes())
    return generate(read_document(text, "clio.json"))


def _shape(table: ApiTable) -> str:
    return re.sub(r"\{[^}]*\}", "{}", table.path)


@cache
def pairs() -> Mapping[str, tuple[ApiTable, str, ApiTable]]:
    """Tables of both, by the name kept by hand: that one, and the generated name and table."""
    made = {_shape(table): (name, table) for name, table in generated().profile.tables.items()}
    return {n: (t, *made[_shape(t)]) for n, t in KEPT.tables.items() if _shape(t) in made}


def columns(profile: Profile, table: ApiTable) -> dict[str, FlatColumn]:
    return {c.name: c for c in table_columns(profile, table) if c.origin == "record"}


@cache
def compared() -> tuple[tuple[str, str | None, str | None], ...]:
    """Every column of tables that both have: its name, its type by hand, its generated type."""
    found: list[tuple[str, str | None, str | None]] = []
    for name, (kept, _, made) in pairs().items():
        ours, theirs = columns(KEPT, kept), columns(generated().profile, made)
        for column in dict.fromkeys([*ours, *theirs]):
            a, b = ours.get(column), theirs.get(column)
            if a and b:
                assert a.path == b.path
            found.append((f"{name}.{column}", a.type if a else None, b.type if b else None))
    return tuple(found)


def test_tables_agree() -> None:
    missing = set(KEPT.tables) - set(pairs())
    assert missing == set(DIFFERENCES["tables_missing"])
    assert len(pairs()) / len(KEPT.tables) >= 0.95
    assert len(generated().profile.tables) == len(pairs())
    names = {name for name, (_, made, _) in pairs().items() if made != name}
    assert names == set(DIFFERENCES["names"])
    assert 1 - len(names) / len(pairs()) >= 0.95


def test_columns_agree() -> None:
    every = {name for name, kept, _ in compared() if kept}
    missing = {name for name, kept, made in compared() if kept and not made}
    told = [name for each in DIFFERENCES["columns_missing"] for name in each["columns"]]
    assert missing == set(told)
    assert len(told) == len(set(told))
    assert all(each["reason"] for each in DIFFERENCES["columns_missing"])
    assert 1 - len(missing) / len(every) >= 0.95


def test_the_generated_profile_has_no_other_columns_than_members_of_objects() -> None:
    more = {name for name, kept, made in compared() if made and not kept}
    own = set()
    for name, (_, _, table) in pairs().items():
        own |= {
            f"{name}.{c.name}"
            for c in columns(generated().profile, table).values()
            if len(c.path) == 1
        }
    assert more & own == set(DIFFERENCES["columns_more"])
    top = [name for name, kept, _ in compared() if kept and name in own]
    assert 1 - len(more & own) / len(top) >= 0.95


def test_types_agree() -> None:
    both = [(name, kept, made) for name, kept, made in compared() if kept and made]
    other = {name: [kept, made] for name, kept, made in both if kept != made}
    assert other == DIFFERENCES["types"]
    assert 1 - len(other) / len(both) >= 0.95


def test_keys_agree() -> None:
    other = {n for n, (kept, _, made) in pairs().items() if kept.primary_key != made.primary_key}
    assert other == set(DIFFERENCES["keys"])
    assert 1 - len(other) / len(pairs()) >= 0.93


def test_changes_are_asked_for_alike() -> None:
    for name, (kept, _, made) in pairs().items():
        ours, theirs = kept.incremental, made.incremental
        assert (ours and (ours.column, ours.parameter, ours.format)) == (
            theirs and (theirs.column, theirs.parameter, theirs.format)
        ), name


def filters(profile: Profile, name: str) -> Mapping[str, tuple[str, tuple[ColumnFilter, ...]]]:
    """What each parameter of a table filters: its column, and how."""
    found: dict[str, tuple[str, tuple[ColumnFilter, ...]]] = {}
    for column, given in profile.tables[name].filters.items():
        for each in given if isinstance(given, tuple) else (given,):
            _, others = found.get(each.parameter, (column, ()))
            found[each.parameter] = column, (*others, each)
    return found


@cache
def compared_filters() -> Mapping[str, tuple[bool, bool, bool]]:
    """By table and parameter: it is in both, filters the same column, and in the same way."""
    found = {}
    for name, (_, made_name, _) in pairs().items():
        ours, theirs = filters(KEPT, name), filters(generated().profile, made_name)
        for parameter in dict.fromkeys([*ours, *theirs]):
            a, b = ours.get(parameter), theirs.get(parameter)
            both = a is not None and b is not None
            found[f"{name}.{parameter}"] = (
                both,
                both and a is not None and b is not None and a[0] == b[0],
                both and a is not None and b is not None and _ways(a[1]) == _ways(b[1]),
            )
    return found


def _ways(given: tuple[ColumnFilter, ...]) -> list[dict[str, Any]]:
    """How a column is filtered, whatever the order, without the words about it."""
    ways = [each.model_dump(exclude={"parameter", "description"}) for each in given]
    return sorted(ways, key=repr)


def test_filters_agree() -> None:
    """What is asked of the API by a column, and how."""
    kept = {f"{n}.{p}" for n in pairs() for p in filters(KEPT, n)}
    other = {name for name in kept if not compared_filters()[name][1]}
    assert other == set(DIFFERENCES["filters_of_other_columns"])
    assert 1 - len(other) / len(kept) >= 0.95
    ways = {name for name in kept - other if not compared_filters()[name][2]}
    assert ways == set(DIFFERENCES["filters_in_another_way"])
    assert 1 - len(other | ways) / len(kept) >= 0.95
    more = compared_filters().keys() - kept
    assert more == set(DIFFERENCES["filters_more"]["parameters"])
    assert DIFFERENCES["filters_more"]["reason"]


def test_what_the_document_does_not_say_is_a_question() -> None:
    text = generated().text
    head = text.split("\ntables:\n")[0]
    assert "# ? The document names no way to say who is asking." in head
    assert "# ? The parameter 'page_token' asks for a page" in head
    assert "  pagination: {type: none}\n" in head
    assert "  projection: {parameter: fields, style: braces}\n" in head
    assert generated().questions == text.count("# ? ") >= 10
    assert generated().left == tuple(
        f"{KEPT.tables[name].path}: there is a path for one of its records, but the answer has no "
        "list of them"
        for name in DIFFERENCES["tables_missing"]
    )


@pytest.mark.parametrize(
    "part",
    [
        "tables_missing",
        "names",
        "keys",
        "columns_more",
        "filters_of_other_columns",
        "filters_in_another_way",
    ],
)
def test_every_difference_has_a_reason(part: str) -> None:
    assert all(str(reason).endswith(".") for reason in DIFFERENCES[part].values())
