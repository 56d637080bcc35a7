"""Every table of both profiles, against the sandbox's own rows: at first, and after changes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import duckdb

from acceptance.serving import Watched, options, serving
from acceptance.support import Project, results, run, written
from acceptance.truth import Row, Truth, as_seen
from syncline.profile.columns import FlatColumn, child_columns, table_columns
from syncline.profile.loader import load_profile
from syncline.profile.schema import Profile
from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN

_SPANS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "DailyTimeSummary": (
        "Date >= '2026-02-01' AND Date <= '2026-02-10'",
        {"StartDate": "2026-02-01", "EndDate": "2026-02-10"},
    ),
    "WeeklyTimeSummary": (
        "StartDate >= '2026-02-01' AND EndDate <= '2026-02-28'",
        {"StartDate": "2026-02-01", "EndDate": "2026-02-28"},
    ),
}


def _task(name: str, key: tuple[str, ...], *, marked: bool) -> dict[str, Any]:
    """Hard where the API does not say what is deleted; where it does, that is enough."""
    task: dict[str, Any] = {"table": name, "allow_empty": True}
    if key and not marked:
        task["deletes"] = "hard"
    if name in _SPANS:
        task["where"] = _SPANS[name][0]
    return task


def _tasks(profile: Profile) -> list[dict[str, Any]]:
    found = []
    for name, table in profile.tables.items():
        found.append(_task(name, table.primary_key, marked=table.deleted is not None))
        for child_name, child in table.children.items():
            found.append(_task(child_name, child.primary_key, marked=False))
    return found


def _columns(profile: Profile) -> dict[str, tuple[FlatColumn, ...]]:
    found = {}
    for name, table in profile.tables.items():
        # A column that can only be filtered by has no values to be kept.
        own = table_columns(profile, table)
        found[name] = tuple(c for c in own if c.origin != "filter")
        for child_name, child in table.children.items():
            found[child_name] = child_columns(profile, table, child)
    return found


@dataclass(slots=True, kw_only=True)
class Comparison:
    """A target held against the truth, now and again."""

    profile: Profile
    watched: Watched
    project: Project
    #: Rows that were changed themselves were changed since then.
    since: datetime | None = None
    #: Every row of the comparison before, by table and key.
    before: dict[str, dict[str, Row]] = field(default_factory=dict)

    async def run(self) -> dict[str, int]:
        """Compare every column of every row; return how many rows each table has."""
        columns = _columns(self.profile)
        wrong: list[Any] = []
        counts: dict[str, int] = {}
        with duckdb.connect(str(self.project.database)) as lake:
            async with aiohttp.ClientSession() as session:
                truth = Truth(
                    watched=self.watched,
                    profile=self.profile,
                    session=session,
                    parameters={name: span for name, (_, span) in _SPANS.items()},
                )
                async for name, key, rows in truth.tables():
                    counts[name] = len(rows)
                    result = lake.execute(f'FROM clio."{name}"')
                    names = [d[0] for d in result.description or ()]
                    assert names == [c.name for c in columns[name]]
                    found = [
                        {c.name: as_seen(c, v) for c, v in zip(columns[name], row, strict=True)}
                        for row in result.fetchall()
                    ]
                    expected = [{n: row[n] for n in names} for row in rows]
                    wrong += self._differences(name, key or names, found, expected)
        assert not wrong, wrong
        return counts

    def _differences(
        self, name: str, key: Sequence[str], found: list[Row], expected: list[Row]
    ) -> Iterator[Any]:
        ours, theirs = _by_key(found, key), _by_key(expected, key)
        if len(found) != len(ours) or len(expected) != len(theirs):
            # Rows without a key may be alike.
            assert len(key) == len(expected[0]), (name, "rows with the same key")
        if sorted(_keys(found, key)) != sorted(_keys(expected, key)):
            yield name, set(ours) ^ set(theirs)
            return
        before = self.before.get(name, {}) if self._tells(name) else {}
        self.before[name] = theirs
        for place, row in theirs.items():
            allowed = [row]
            # What is nested in a record, or counted for it, changes without the record's time.
            if self.since and place in before and row["updated_at"] < self.since:
                allowed.append(before[place])
            differ = {
                column: (value, *(each[column] for each in allowed))
                for column, value in ours[place].items()
                if all(value != each[column] for each in allowed)
            }
            if differ:
                yield name, place, differ
                return

    def _tells(self, name: str) -> bool:
        table = self.profile.tables.get(name)
        return table is not None and table.incremental is not None


def _by_key(rows: Sequence[Row], key: Sequence[str]) -> dict[str, Row]:
    return dict(zip(_keys(rows, key), rows, strict=True))


def _keys(rows: Sequence[Row], key: Sequence[str]) -> list[str]:
    return [repr([row[name] for name in key]) for row in rows]


async def _hold_against_truth(
    folder: Path, name: str, changes: Sequence[str], *, tables: int, **more: Any
) -> None:
    profile = load_profile(name)
    async with serving(options(rows=40)) as watched:
        project = written(folder, watched, *_tasks(profile), profile=name, **more)
        results(await run(project))
        comparison = Comparison(profile=profile, watched=watched, project=project)
        counts = await comparison.run()
        assert len(counts) == tables
        # A comparison of nothing with nothing would prove nothing.
        assert sum(1 for count in counts.values() if count) > 0.9 * tables
        sandbox = watched.sandbox
        sandbox.advance(7200)
        comparison.since = sandbox.now()
        for table in changes or sandbox.table("activities")[0].tables:
            sandbox.mutate(table, insert=2, update=2, delete=1)
        sandbox.advance(7200)
        changed = results(await run(project))
        assert sum(r.inserted + r.updated + r.deleted for r in changed.values()) > 100
        await comparison.run()


async def test_every_clio_table(tmp_path: Path) -> None:
    """Every list of the sandbox changes, so that nested records of all kinds do."""
    await _hold_against_truth(tmp_path, "clio", (), tables=117)


async def test_every_clicktime_table(tmp_path: Path) -> None:
    """Only what nothing else depends on is deleted, as the API would have it."""
    changes = ("TimeEntries", "ExpenseItems", "TimeOff", "TimeOffRequests", "HolidayEntries")
    await _hold_against_truth(
        tmp_path,
        "clicktime",
        changes,
        tables=60,
        settings={"APIKey": DEFAULT_CLICKTIME_TOKEN},
        source=dict.fromkeys(
            ("OAuthClientId", "OAuthClientSecret", "OAuthAccessToken", "OAuthRefreshToken")
        ),
    )
