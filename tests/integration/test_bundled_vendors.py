"""Every table of the bundled profiles beside Clio and ClickTime, read from their stand-ins."""

import pytest

from standins.vendors import Standing, standing
from syncline.profile.loader import bundled_profiles, load_profile
from syncline.profile.schema import ApiTable
from syncline.sandbox.options import Options
from syncline.sandbox.server import running
from syncline.sandbox.vendor_description import vendors

NAMES = pytest.mark.parametrize("name", list(vendors()))
SMALL = Options(rows=120, rate_limit=0, frozen=True)


def incremental(standin: Standing) -> dict[str, ApiTable]:
    return {n: t for n, t in standin.profile.tables.items() if t.incremental is not None}


@NAMES
async def test_every_table_is_what_the_api_has(name: str) -> None:
    async with running(SMALL) as sandbox, standing(sandbox, name) as standin:
        tables = list(await standin.source.tables())
        first = await standin.run(tables, run="first")
        assert await standin.differences(tables) == []
        assert [t for t, result in first.items() if not result.read] == []

        # Nothing has happened at the source, so nothing changes.
        sandbox.advance(3600)
        again = await standin.run(tables, run="again")
        assert await standin.differences(tables) == []
        for table in incremental(standin):
            result = again[table]
            assert (result.inserted, result.updated, result.deleted) == (0, 0, 0), table
            assert result.read <= first[table].read / 4, table

        # What changes comes in a request or two, or that many for each walk.
        changes = {n: standin.change(t) for n, t in incremental(standin).items()}
        sandbox.advance(60)
        changed = await standin.run(list(changes), run="changed")
        for table, (rows, gone) in changes.items():
            result = changed[table]
            assert (result.inserted + result.updated, result.deleted) == (rows, gone), table
            walks = standin.profile.tables[table].fan_out
            assert result.requests <= 3 or walks is not None, (table, result.requests)
        assert await standin.differences(changes) == []


@NAMES
async def test_the_stand_in_has_no_list_without_a_table(name: str) -> None:
    async with running(SMALL) as sandbox, standing(sandbox, name) as standin:
        listed = {standin.listed(table).name for table in standin.profile.tables.values()}
        assert listed == set(sandbox.vendor(name).lists)


@NAMES
def test_a_profile_says_what_it_is_for_and_how_it_was_checked(name: str) -> None:
    profile = load_profile(name)
    assert profile.checked.startswith("From public documentation, 2026-11-22; ")
    assert profile.checked.endswith("not run against the vendor.")
    assert profile.documentation.startswith("https://")
    assert "BaseURL" in profile.settings
    for setting, described in profile.settings.items():
        assert described.description, setting
    for table, described_table in profile.tables.items():
        assert described_table.description.endswith("."), table
        for child, described_child in described_table.children.items():
            assert described_child.description.endswith("."), child
    secrets = {s for s, described in profile.settings.items() if described.secret}
    assert secrets <= {"Token", "APIKey", "APIToken"}


def test_every_bundled_profile_has_a_stand_in() -> None:
    assert set(bundled_profiles()) == {"clio", "clicktime", *vendors()}
    assert len(vendors()) >= 10
