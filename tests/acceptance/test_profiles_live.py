"""The bundled profiles say of the stand-in APIs what is so: every table, every filter."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from standins.clocks import SkippingClock
from syncline.control.connections import opened_api
from syncline.control.properties import ApiProperties, parse_pairs, properties_of
from syncline.control.trial.findings import Finding, Verdict
from syncline.control.trial.reading import Overheard
from syncline.control.trial.tables import Trial
from syncline.profile.loader import load_profile, parse_profile
from syncline.profile.openapi.document import read_document
from syncline.profile.openapi.generate import generate
from syncline.profile.pagination import NoPages
from syncline.profile.schema import Profile
from syncline.sandbox.options import (
    DEFAULT_CLICKTIME_TOKEN,
    DEFAULT_CLIENT,
    DEFAULT_SECRET,
    Options,
)
from syncline.sandbox.server import Sandbox, running
from syncline.sandbox.vendor_description import vendors

#: Tables that the API refuses to list without a condition.
CONDITIONED = {"DailyTimeSummary", "WeeklyTimeSummary"}


def properties(sandbox: Sandbox, name: str) -> ApiProperties:
    settings = {"BaseURL": sandbox.url}
    if name == "ClickTime":
        settings["APIKey"] = DEFAULT_CLICKTIME_TOKEN
        return ApiProperties.model_validate({"Profile": name, "ProfileSettings": settings})
    token = sandbox.issue_token().access_token
    return ApiProperties.model_validate(
        {
            "Profile": name,
            "ProfileSettings": settings,
            "OAuthClientId": DEFAULT_CLIENT,
            "OAuthClientSecret": DEFAULT_SECRET,
            "OAuthAccessToken": token,
        }
    )


async def findings(profile: Profile, given: ApiProperties) -> dict[str, list[Finding]]:
    overheard = Overheard()
    async with opened_api(
        "trial", given, profile, SkippingClock(),
        observe=lambda _: None, say=lambda _: None, watch=overheard,
    ) as source:  # fmt: skip
        trial = Trial(source=source, profile=profile, overheard=overheard, most=10)
        return {report.table: list(report.findings) async for report in trial.reports()}


@pytest.mark.parametrize("name", list(vendors()))
async def test_every_other_bundled_profile_is_as_its_stand_in_is(name: str) -> None:
    async with running(Options(rows=120, rate_limit=0, frozen=True)) as sandbox:
        text = vendors()[name].connection.replace("{url}", f"{sandbox.url}/{name}")
        given = properties_of(ApiProperties, parse_pairs(text))
        found = await findings(load_profile(given.profile), given)
    wrong = {
        f"{table}: {finding.about}: {finding.why}"
        for table, every in found.items()
        for finding in every
        if finding.verdict is Verdict.WRONG
    }
    assert not wrong
    proven = [t for t, every in found.items() if any(f.verdict is Verdict.OK for f in every)]
    assert len(proven) >= 0.9 * len(found)


@pytest.mark.parametrize("name", ["Clio", "ClickTime"])
async def test_every_table_is_as_its_profile_says(name: str) -> None:
    profile = load_profile(name)
    async with running(Options(rows=300, rate_limit=0)) as sandbox:
        found = await findings(profile, properties(sandbox, name))
    tables = [each for n, table in profile.tables.items() for each in (n, *table.children)]
    assert list(found) == tables
    wrong = {
        f"{table}: {finding.about}: {finding.why}"
        for table, every in found.items()
        for finding in every
        if finding.verdict is Verdict.WRONG
    }
    assert not wrong
    unread = {t for t, every in found.items() if any(f.about == "read" for f in every)}
    assert unread == (CONDITIONED if name == "ClickTime" else set())
    proven = Counter(
        finding.about.split()[0]
        for every in found.values()
        for finding in every
        if finding.verdict is Verdict.OK
    )
    read = len(tables) - len(unread)
    assert proven["types"] == read
    keyless = [t for t, every in found.items() if any("names none" in f.why for f in every)]
    assert proven["key"] == read - len(keyless)
    filters = sum(
        len(each.operators)
        for table in profile.tables.values()
        for given in table.filters.values()
        for each in (given if isinstance(given, tuple) else (given,))
        if each.type is None and not each.required
    )
    assert proven["filter"] >= 0.85 * filters
    if name == "Clio":
        assert proven["projection"] >= 0.95 * len(profile.tables)
    incremental = [t for t in profile.tables.values() if t.incremental]
    assert proven["changes"] >= 1.8 * len(
        incremental
    )  # the column moves, and its parameter filters
    walked = {
        n
        for n, table in profile.tables.items()
        if not isinstance(table.pagination or profile.defaults.pagination, NoPages)
        and table.fan_out is None
        and n not in unread
    }
    ended = {n for n, every in found.items() if any("they end" in f.why for f in every)}
    assert len(ended & walked) >= 0.9 * len(walked)


_CLIO = Path(__file__).parents[1] / "unit" / "data" / "openapi" / "clio.json.gz"
#: What Clio's document leaves open, and the answers.
_ANSWERS = {
    '  - {scheme: "None"}\n': (
        "  - scheme: OAuth\n"
        '    authorize_url: "{BaseURL}/oauth/authorize"\n'
        '    token_url: "{BaseURL}/oauth/token"\n'
    ),
    "\n  pagination: {type: none}\n": (
        "\n  pagination: {type: next_link, path: meta.paging.next}\n"
    ),
}  # fmt: skip


async def test_a_generated_profile_reads_once_its_questions_are_answered() -> None:
    tables = ["Activities", "Communications", "Matters", "PhoneNumbers", "Tasks", "Users"]
    document = read_document(gzip.decompress(_CLIO.read_bytes()), "clio.json")
    text = generate(document, tables=tables).text
    for question, answer in _ANSWERS.items():
        assert text.count(question) == 1
        text = text.replace(question, answer)
    profile = parse_profile(text, "generated.yaml")
    async with running(Options(rows=150, rate_limit=0)) as sandbox:
        found = await findings(profile, properties(sandbox, "Clio"))
    wrong = {
        (table, finding.why)
        for table, every in found.items()
        for finding in every
        if finding.verdict is Verdict.WRONG
    }
    # The document says that these are texts; the API sends booleans, too.
    told = {why.partition(": ")[2] for _, why in wrong}
    values = {"ContactCustomFieldValues", "MatterCustomFieldValues"}
    assert {table for table, _ in wrong} == values
    assert told == {"column 'value': it should be a string, but is the boolean true"}
    read = {table for table, every in found.items() if every[0].verdict is Verdict.OK}
    assert set(tables) <= read
