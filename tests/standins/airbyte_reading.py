"""Imports a manifest and reads every table of it from an API made of that same manifest."""

import re
from collections.abc import Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import yaml

from standins.airbyte import COUNT, SIZE, ManifestApi
from standins.clocks import SkippingClock
from standins.pages import Api, serving
from syncline.extract.credentials import Credentials
from syncline.extract.source import RestSource, rest_source
from syncline.extract.tokens import MemoryTokens, Tokens
from syncline.model.table import Scan
from syncline.profile.airbyte.document import imported
from syncline.profile.imported import Imported
from syncline.profile.loader import parse_profile
from syncline.profile.schema import ParentFanOut, Profile, ValueFanOut

_MOMENT = "2026-01-01T00:00:00Z"


class StandingClock(SkippingClock):
    """A clock that stands shortly after the rows of the stand-in were changed."""

    def time(self) -> float:
        return datetime(2026, 1, 2, tzinfo=UTC).timestamp() + self.skipped


def smaller(value: Any) -> Any:
    """Return a manifest with pages of a few rows, so that there are several of few rows."""
    match value:
        case {"type": "PageIncrement" | "OffsetIncrement" | "CursorPagination"}:
            sized = {"page_size": SIZE} if value.get("page_size") else {}
            return {**{k: smaller(v) for k, v in value.items()}, **sized}
        case dict():
            return {k: smaller(v) for k, v in value.items()}
        case list():
            return [smaller(each) for each in value]
        case _:
            return value


async def read_all(text: str, schemas: Mapping[str, Any], name: str) -> tuple[Imported, list[str]]:
    """Return what was imported, and what is wrong with the rows read of it."""
    manifest = smaller(yaml.safe_load(text))
    found = imported(
        yaml.safe_dump(manifest, sort_keys=False),
        f"{name}.yaml",
        name=name,
        schema=lambda path: schemas.get(path.rpartition("/")[2]),
    )
    served = ManifestApi(manifest, schemas)
    wrong: list[str] = []
    async with serving(Api(lists={}, always=served.answer)) as api:
        served.url = api.url
        local = re.sub(
            r'((?:base_url|default): "?)https?://[^/"\n]+', rf"\g<1>{api.url}", found.text
        )
        local = re.sub(r"https?://[^/\"\s\]]+(?=[^\n]*\n? *(?:choices|default))", api.url, local)
        profile = parse_profile(local, f"{name}.yaml")
        settings = _settings(profile, api.url)
        source = _source(profile, settings)
        try:
            for table in found.tables:
                wrong += [
                    f"{name}.{table}: {each}"
                    for each in await _wrong(table, profile, source, served)
                ]
        finally:
            await source.aclose()
    return found, wrong


def _settings(profile: Profile, url: str) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name, setting in profile.settings.items():
        lower = name.lower()
        if name == "BaseURL" or "url" in lower or "http" in (setting.default or ""):
            found[name] = url
        elif setting.choices:
            found[name] = setting.choices[0]
        elif "date" in lower or "since" in lower or "start" in lower:
            found[name] = _MOMENT
        else:
            found[name] = setting.default or "7777777"
    return found


def _source(profile: Profile, settings: Mapping[str, str]) -> RestSource:
    credentials = Credentials(
        user="somebody", password="pa55word", client_id="client", client_secret="s3cret0",
        token="t0ken00",
        tokens=MemoryTokens(Tokens(access_token="acce550", refresh_token="refre5h0")),
    )  # fmt: skip
    return rest_source(
        profile=profile, settings=settings, credentials=credentials, clock=StandingClock()
    )


async def _wrong(
    table: str, profile: Profile, source: RestSource, served: ManifestApi
) -> list[str]:
    stream = served.read(table)
    known = (await source.tables())[table]
    scan = Scan(table=known, columns=tuple(known.schema.names))
    rows: list[dict[str, Any]] = []
    try:
        async with aclosing(source.read(scan, None)) as batches:
            async for batch in batches:
                rows += batch.records.to_pylist()
    except Exception as error:  # noqa: BLE001 (told with all the others)
        return [f"{type(error).__name__}: {error}"]
    walks = _walks(table, profile)
    wrong = list(stream.faults)
    if not served.asked:
        wrong.append("nothing was asked")
    incremental = profile.tables[table].incremental
    if incremental is not None and incremental.step is not None:
        # The stand-in answers every step with all its rows.
        rows = list({str(row): row for row in rows}.values())
    if len(rows) != COUNT * walks:
        wrong.append(f"{len(rows)} rows, not {COUNT * walks}")
    for column in known.primary_key:
        values = {row[column] for row in rows}
        if len(known.primary_key) == 1 and len(values) != COUNT:
            wrong.append(f"{len(values)} values of {column}")
    return wrong


def _walks(table: str, profile: Profile) -> int:
    match profile.tables[table].fan_out:
        case ParentFanOut():
            # Of each parent one, however often it came.
            return COUNT
        case ValueFanOut(values=values):
            return len(values) or 1
        case _:
            return 1
