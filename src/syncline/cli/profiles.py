"""The `profile` commands."""

import json

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from syncline.control.fetching import obtained
from syncline.profile.columns import child_columns, table_columns
from syncline.profile.loader import bundled_profiles, load_profile
from syncline.profile.notes import notes
from syncline.profile.schema import Profile


def schema() -> None:
    """Print the JSON Schema."""
    document = Profile.model_json_schema(by_alias=True)
    document["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    document["title"] = "Syncline profile"
    print(json.dumps(document, indent=2))  # noqa: T201 (the command's result)


async def check(name: str, console: Console) -> int:
    """Load a profile; the loader complains if anything is wrong."""
    await obtained(name)
    profile = load_profile(name)
    tables = sum(1 + len(t.children) for t in profile.tables.values())
    columns = sum(
        len(table_columns(profile, t))
        + sum(len(child_columns(profile, t, c)) for c in t.children.values())
        for t in profile.tables.values()
    )
    console.print(f"[green]ok[/] {escape(profile.name)}: {tables} tables, {columns} columns")
    for place, note in notes(profile):
        console.print(
            f"   [yellow]note[/] {escape('.'.join(place))}: {escape(note)}", soft_wrap=True
        )
    return 0


async def show(name: str | None, out: Console) -> int:
    """Print what profiles offer."""
    if name is None:
        listing = Table("profile", "title", "tables", show_edge=False)
        for each in bundled_profiles():
            profile = load_profile(each)
            listing.add_row(each, profile.title, str(len(profile.tables)))
        out.print(listing)
        return 0
    await obtained(name)
    profile = load_profile(name)
    out.print(f"[bold]{escape(profile.title or profile.name)}[/]  {escape(profile.description)}")
    if profile.checked:
        out.print(f"[dim]{escape(profile.checked)}[/]")
    settings = Table("setting", "default", "choices", "description", show_edge=False)
    for key, setting in profile.settings.items():
        settings.add_row(
            key, setting.default or "", ", ".join(setting.choices), setting.description
        )
    out.print(settings)
    out.print(f"AuthScheme: {', '.join(a.scheme for a in profile.auth)}")
    tables = Table("table", "key", "incremental by", "description", show_edge=False)
    for key, table in profile.tables.items():
        by = table.incremental.column if table.incremental else ""
        tables.add_row(key, ", ".join(table.primary_key), by, table.description)
        for child_key, child in table.children.items():
            note = child.description or f"From the pages of {key}."
            tables.add_row(child_key, ", ".join(child.primary_key), "", note)
    out.print(tables)
    return 0
