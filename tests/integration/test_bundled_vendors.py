"""Every table of the bundled profiles beside Clio and ClickTime, read from their stand-ins."""

import pytest

from standins.vendors import Standing, standing
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
