"""Bundled profiles and stand-ins, held against what others publish of the same records.

Profile and stand-in were written together, so that one does not prove the other. What is in
``tests/unit/data/facts`` was taken from packages of vendors and other projects, by
``python -m standins.fact_sources``.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import yaml

from standins.profile_facts import FACTS, Shape, parents, record_columns
from standins.vendors import standing
from syncline.profile.loader import load_profile
from syncline.profile.schema import ApiTable, Profile
from syncline.sandbox.options import Options
from syncline.sandbox.server import running

NAMES = sorted(file.stem for file in FACTS.glob("*.json"))
DIFFERENCES: Mapping[str, Any] = yaml.safe_load((FACTS / "differences.yaml").read_text("utf-8"))
#: Types of records that are read as a column's type.
READ: Mapping[str, frozenset[str]] = {
    "string": frozenset({"string", "datetime", "date"}),
    "integer": frozenset({"integer", "string"}),
    "number": frozenset({"number", "integer", "string"}),
    "decimal": frozenset({"number", "integer", "string"}),
    "boolean": frozenset({"boolean", "string"}),
    "date": frozenset({"date", "datetime", "string"}),
    "datetime": frozenset({"datetime", "string", "integer"}),
    "json": frozenset({"object", "array"}),
    "scalar": frozenset({"string", "integer", "number", "boolean"}),
}


@cache
def facts(name: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((FACTS / f"{name}.json").read_text("utf-8"))
    return found


def kinds(shape: Shape, path: str) -> set[str]:
    return set(shape.get(path, "").split("|")) - {""}


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_what_others_know_of(name: str) -> None:
    profile, tables = load_profile(name), facts(name)["tables"]
    above, other, every = parents(profile), set(), 0
    for table, path, column in record_columns(profile):
        if above[table] not in tables:
            continue
        every += 1
        known = kinds(tables[above[table]], path)
        wanted = READ[column.type.partition("(")[0]] | {"any"}
        if not known & wanted:
            other.add(f"{table}.{column.name}")
    assert other == set(DIFFERENCES["columns"].get(name, {}))
    assert every > 90
    # What a vendor publishes itself is whole; other connectors are older, or leave members out.
    assert len(other) / every < (0.02 if "the vendor's" in facts(name)["from"] else 0.1)


@pytest.mark.parametrize("name", NAMES)
async def test_records_of_stand_ins_are_what_others_know_of(name: str) -> None:
    tables, other = facts(name)["tables"], set()
    options = Options(rows=60, rate_limit=0, frozen=True)
    async with running(options) as sandbox, standing(sandbox, name) as standin:
        for table, described in standin.profile.tables.items():
            for record, _ in standin.listed(described).truth():
                for member, value in record.items() if table in tables else ():
                    if not _is(value, kinds(tables[table], member)):
                        other.add(f"{table}.{member}")
    assert other == set(DIFFERENCES["stand_ins"].get(name, {}))


def _is(value: Any, known: set[str]) -> bool:
    match value:
        case None:
            own = known
        case bool():
            own = {"boolean"}
        case int():
            own = {"integer", "number"}
        case float():
            own = {"number"}
        case str():
            own = {"string", "date", "datetime"}
        case list():
            own = {"array"}
        case _:
            own = {"object"}
    return bool(known & (own | {"any"}))


@pytest.mark.parametrize("name", [name for name in NAMES if "asks" in facts(name)])
def test_requests_have_parameters_that_others_know_of(name: str) -> None:
    known, profile, other = facts(name)["asks"], load_profile(name), set()
    for table_name, table in profile.tables.items():
        if table_name in known:
            unknown = _sent(profile, table) - set(known[table_name])
            other |= {f"{table_name}.{parameter}" for parameter in unknown}
    assert other == set(DIFFERENCES["asks"].get(name, {}))
    assert len(known) == len(profile.tables)


def _sent(profile: Profile, table: ApiTable) -> set[str]:
    """Return the parameters that a table's own requests may have."""
    page, incremental = table.page or profile.defaults.page, table.incremental
    every = {
        *profile.defaults.parameters,
        *table.parameters,
        getattr(table.pagination or profile.defaults.pagination, "parameter", None),
        page.parameter,
        incremental.parameter if incremental and not incremental.changes else None,
    }
    for filters in table.filters.values():
        every |= {f.parameter for f in (filters if isinstance(filters, tuple) else (filters,))}
    return {parameter for parameter in every if parameter is not None}


def _reasons(part: Mapping[str, Any]) -> Iterator[str]:
    for each in part.values():
        yield from each.values()


def test_every_difference_has_a_reason() -> None:
    assert set(DIFFERENCES) == {"columns", "stand_ins", "asks"}
    for part in DIFFERENCES.values():
        assert all(reason.endswith(".") for reason in _reasons(part))


@pytest.mark.parametrize("name", NAMES)
def test_a_profile_says_what_it_was_compared_with(name: str) -> None:
    source = facts(name)["from"]
    package = source.split(" (")[0]
    assert all(part in load_profile(name).checked for part in package.split(" and "))
