"""Real manifests: imported, and every table read from an API made of the same manifest."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from standins.airbyte_reading import read_all

DATA = Path(__file__).parents[1] / "unit" / "data" / "airbyte"
NAMES = sorted(file.stem for file in DATA.glob("*.yaml"))
#: By manifest: tables with a part that has no equal, and what it is called.
REFUSED: Mapping[str, Mapping[str, str]] = {
    "auth0": {"users": "Jinja expression", "organization_member_roles": "parent_slice"},
    "bigcommerce": {
        "orders": "CustomTransformation",
        "transactions": "its parent orders is not imported",
        "pages": "'id' is of type integer, not date or datetime",
    },
    "chargify": {"invoices": "DpathExtractor", "transactions": "DpathExtractor"},
    "intercom": {"segments": "CustomIncrementalSync"},
    "square": {"shifts": "pagination_strategy", "team_member_wages": "pagination_strategy"},
}


def test_there_are_enough_of_them() -> None:
    assert len(NAMES) >= 15


@pytest.mark.parametrize("name", NAMES)
async def test_every_row_of_every_table_comes_once(name: str) -> None:
    found, wrong = await read_all((DATA / f"{name}.yaml").read_text("utf-8"), schemas(name), name)
    assert wrong == []
    assert found.tables
    expected = REFUSED.get(name, {})
    assert set(found.refused) == set(expected)
    for table, said in expected.items():
        assert said in found.refused[table]


def schemas(name: str) -> Mapping[str, Any]:
    file = DATA / f"{name}.schemas.json"
    found: Mapping[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return found
