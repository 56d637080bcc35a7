"""Writes docs/reference/ from the code; `make docs`. With --check: fails if anything is stale."""
# ruff: noqa: INP001, T201 (a script, not a package)

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from syncline import errors
from syncline.cli.failures import exit_code
from syncline.cli.main import app
from syncline.control.action_specs import ActionSpec, HttpSpec
from syncline.control.alert_specs import AlertSpec, ChannelSpec
from syncline.control.project import ConnectionSpec, DeletesSpec, ExpressionSpec, JobSpec, TaskSpec
from syncline.control.properties import MODELS
from syncline.control.timetable import AfterSpec, MonthlySpec, ScheduleSpec, WeeklySpec
from syncline.profile.columns import child_columns, table_columns
from syncline.profile.loader import bundled_profiles, load_profile
from syncline.profile.schema import ApiTable, ParentFanOut, Profile

#: What people call JSON Schema's types, and Typer's.
_PLAIN = {"array": "list", "object": "mapping", "string": "text"}
_METAVARS = {"<list[str]>": "TEXT, again for more", "<str>": "TEXT", "<int>": "NUMBER",
             "<int range>": "NUMBER", "<float>": "NUMBER", "<path>": "PATH", "<file>": "PATH",
             "<dir>": "PATH"}  # fmt: skip
#: Where the parts of a project file are described.
_SPECS = {
    "TaskSpec": "a-task",
    "DeletesSpec": "deletes-of-a-task-in-full",
    "ExpressionSpec": "a-computed-column-of-a-task",
    "ScheduleSpec": "a-schedule-of-a-job",
    "WeeklySpec": "weekly-of-a-schedule",
    "MonthlySpec": "monthly-of-a-schedule",
    "AfterSpec": "after-of-a-schedule",
    "ActionSpec": "one-of-the-actions-before-or-after",
    "HttpSpec": "http-of-an-action",
    "AlertSpec": "one-of-the-alerts-of-a-job",
    "ChannelSpec": "a-channel",
}
HERE = Path(__file__).parent / "reference"


def main() -> int:
    """Write or check every page."""
    stale = []
    for name, text in pages():
        path = HERE / name
        if path.exists() and path.read_text("utf-8") == text:
            continue
        if "--check" in sys.argv:
            stale.append(name)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    for name in stale:
        print(f"docs/reference/{name} is stale: run 'make docs'")
    return 1 if stale else 0


def pages() -> Iterator[tuple[str, str]]:
    """Yield file name and content of every page of the reference."""
    yield "commands.md", "\n".join(commands())
    yield "errors.md", "\n".join(error_codes())
    yield "project-file.md", "\n".join(project_file())
    yield "properties.md", "\n".join(properties())
    yield "profile.md", "\n".join(profile_format())
    document = Profile.model_json_schema(by_alias=True)
    yield "profile.schema.json", json.dumps(document, indent=1) + "\n"
    yield "bundled-profiles.md", "\n".join(overview())
    for name in bundled_profiles():
        yield f"profile-{name}.md", "\n".join(bundled(name))


def commands() -> Iterator[str]:
    """Describe every command."""
    yield "# Commands\n"
    yield "Results go to standard output, messages and progress to standard error.\n"
    yield (
        "| exit code | meaning |\n|---|---|\n"
        "| 0 | done |\n"
        "| 1 | the data or the run failed; `verify` found differences |\n"
        "| 2 | someone must change a file, a property, a credential or an option |\n"
        "| 3 | the same command may work later |\n"
        "| 130 | interrupted by Ctrl-C or a signal to end; what was committed is kept |\n"
    )
    yield from _command(typer.main.get_command(app), "syncline")


def _command(command: Any, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)
    subcommands = getattr(command, "commands", {})
    if not subcommands:
        yield f"## {path}\n"
        yield f"{command.help or ''}\n"
        usage = context.get_usage().removeprefix("Usage: ")
        yield f"```\n{usage.translate({ord(c): None for c in '{}'})}\n```\n"
        records = [parameter.get_help_record(context) for parameter in command.params]
        for name, text in filter(None, records):
            yield f"- `{_metavar(name)}` {text}"
        yield ""
    for name, sub in subcommands.items():
        yield from _command(sub, f"{path} {name}")


def _metavar(name: str) -> str:
    for theirs, ours in _METAVARS.items():
        name = name.replace(f" {theirs}", f" {ours}" if name.startswith("-") else "")
    return name


def error_codes() -> Iterator[str]:
    """Describe every error."""
    yield "# Errors\n"
    yield "Every error has a stable code. Each says what happened, and where it can, what to do.\n"
    yield "| code | exit code | meaning |\n|---|---|---|"
    for cls in vars(errors).values():
        if isinstance(cls, type) and issubclass(cls, errors.SynclineError):
            meaning = (cls.__doc__ or "").splitlines()[0].replace("``", "`")
            yield f"| `{cls.code}` | {exit_code(cls(''))} | {meaning} |"
    yield ""


def project_file() -> Iterator[str]:
    """Describe the project file."""
    yield "# Project file\n"
    yield (
        "Three keys, `connections`, `jobs` and `channels`, each by name: letters, digits, `_`, `.` "
        "and `-`, at most 50.\n`${NAME}` in a property is an environment variable. Unknown keys "
        "are refused, with file and line.\n"
        "[`syncline check FILE`](commands.md#syncline-check) says how every task will be read and "
        "written.\n"
    )
    yield from _model(ConnectionSpec, "A connection")
    yield "Properties by type: [properties.md](properties.md).\n"
    yield from _model(JobSpec, "A job")
    yield from _model(TaskSpec, "A task")
    yield from _model(ExpressionSpec, "A computed column of a task")
    yield from _model(DeletesSpec, "`deletes` of a task, in full")
    yield from _model(ScheduleSpec, "A `schedule` of a job")
    yield from _model(WeeklySpec, "`weekly` of a schedule")
    yield from _model(MonthlySpec, "`monthly` of a schedule")
    yield from _model(AfterSpec, "`after` of a schedule")
    yield from _model(ActionSpec, "One of the actions `before` or `after`")
    yield from _model(HttpSpec, "`http` of an action")
    yield from _model(AlertSpec, "One of the `alerts` of a job")
    yield from _model(ChannelSpec, "A channel")


def properties() -> Iterator[str]:
    """Describe connection properties."""
    yield "# Connection properties\n"
    yield "Names are CData's, in any case; `${NAME}` in a value is an environment variable.\n"
    for type_, model in MODELS.items():
        yield from _model(model, f"`type: {type_}`")


def profile_format() -> Iterator[str]:
    """Describe profiles from their JSON Schema."""
    yield "# Profiles\n"
    yield (
        "The parts of a profile file. [How to write one](../how-to/write-a-profile.md). The JSON "
        "Schema is\n[profile.schema.json](profile.schema.json); `syncline profile schema` prints "
        "it for editors.\n"
    )
    schema = Profile.model_json_schema(by_alias=True)
    parts = {"Profile": schema, **schema["$defs"]}
    links = {name: name.lower() for name, part in parts.items() if "properties" in part}
    for name, part in parts.items():
        if "properties" not in part:
            continue
        yield f"## {name}\n"
        yield f"{part.get('description', '').replace('``', '`')}\n"
        yield "| key | values | default | |\n|---|---|---|---|"
        required = part.get("required", [])
        for key, value in part["properties"].items():
            default = "required" if key in required else _written(value.get("default"))
            part_of = parts.get(str(value.get("$ref", "")).rsplit("/", 1)[-1], {})
            about = value.get("description", part_of.get("description", "")).replace("``", "`")
            yield f"| `{key}` | {_type(value, parts, links)} | {default} | {about} |"
        yield ""


def _type(value: Mapping[str, Any], parts: Mapping[str, Any], links: Mapping[str, str]) -> str:
    """Return the type of a key in words; ``links``: headings of the parts that have one."""
    if "$ref" in value:
        name = str(value["$ref"]).rsplit("/", 1)[-1]
        if name not in links:
            return _type(parts[name], parts, links)
        return f"[{name.removesuffix('Spec')}](#{links[name]})"
    for key in ("anyOf", "oneOf"):
        options = value.get(key)
        if isinstance(options, list):
            each = (_type(v, parts, links) for v in options if v.get("type") != "null")
            return " or ".join(dict.fromkeys(each))
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{v}`" for v in value["enum"])
    plain = _PLAIN.get(str(value.get("type")), str(value.get("type", "object")))
    inner = value.get("items", value.get("additionalProperties"))
    words = _type(inner, parts, links) if isinstance(inner, Mapping) else ""
    return f"{plain} of {words}" if "](#" in words or "`" in words else plain


def overview() -> Iterator[str]:
    """Describe which profiles there are."""
    yield "# Bundled profiles\n"
    yield (
        "`Profile=NAME` in a connection. How each was checked, and what to fill in, is on its "
        "page.\n`syncline sandbox` serves a stand-in for every one of them, to try them "
        "without an account.\n"
    )
    yield "| profile | of | tables | incremental | auth |\n|---|---|---|---|---|"
    for name in bundled_profiles():
        profile = load_profile(name)
        tables = profile.tables.values()
        count = sum(1 + len(t.children) for t in tables)
        changes = sum(t.incremental is not None for t in tables)
        schemes = ", ".join(f"`{a.scheme}`" for a in profile.auth)
        title = f"{profile.title}: {profile.description[:1].lower()}{profile.description[1:]}"
        yield (
            f"| [{profile.name}](profile-{name}.md) | {title.rstrip('.')} | {count} "
            f"| {changes or 'none'} | {schemes} |"
        )
    yield ""


def bundled(name: str) -> Iterator[str]:
    """Describe a bundled profile."""
    profile = load_profile(name)
    yield f"# {profile.title or profile.name}\n"
    yield f"{profile.description} {profile.checked}\n"
    yield f"Auth schemes: {', '.join(f'`{a.scheme}`' for a in profile.auth)}.\n"
    yield "| setting | default | |\n|---|---|---|"
    for key, setting in profile.settings.items():
        yield f"| `{key}` | {setting.default or ''} | {setting.description} |"
    yield ""
    for key, table in profile.tables.items():
        yield f"## {key}\n"
        yield f"{table.description}\n"
        yield f"{'; '.join(_facts(table))}.\n"
        yield ", ".join(f"`{c.name}` {c.type}" for c in table_columns(profile, table)) + "\n"
        for child_key, child in table.children.items():
            yield f"### {child_key}\n"
            yield f"{child.description or f'A list inside {key}, from the same pages.'}\n"
            columns = child_columns(profile, table, child)
            yield ", ".join(f"`{c.name}` {c.type}" for c in columns) + "\n"


def _facts(table: ApiTable) -> Iterator[str]:
    yield f"`{table.path}`"
    yield f"key {', '.join(f'`{k}`' for k in table.primary_key) or 'none'}"
    if table.incremental:
        yield f"incremental by `{table.incremental.column}`"
    if table.deleted:
        yield f"deleted rows are marked in `{table.deleted.column}`"
    if table.windows:
        yield f"windows by `{table.windows.column}`"
    if isinstance(table.fan_out, ParentFanOut):
        yield f"read once for each row of {table.fan_out.parent}"
    filters = []
    for column, known in table.filters.items():
        every = known if isinstance(known, tuple) else (known,)
        operators = " ".join(dict.fromkeys(o.value for f in every for o in f.operators))
        filters.append(f"`{column}` `{operators}`")
    if filters:
        yield f"the API answers {', '.join(filters)}"


def _model(model: type[BaseModel], title: str) -> Iterator[str]:
    schema = model.model_json_schema(by_alias=True)
    known, parts = schema["properties"], schema.get("$defs", {})
    yield f"## {title}\n"
    yield "| key | values | default | |\n|---|---|---|---|"
    for name, field in model.model_fields.items():
        key = field.alias or name
        values = _type(known[key], parts, _SPECS)
        yield f"| `{key}` | {values} | {_default(field)} | {field.description or ''} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if "Secret" in type(value).__name__ else _written(value)


def _written(value: object) -> str:
    """Return a default as YAML has it; '' for what is empty or in parts."""
    if value in (None, "", (), [], {}) or isinstance(value, dict):
        return ""
    if isinstance(value, str):
        return f"`{value}`"
    return f"`{json.dumps(value)}`"


if __name__ == "__main__":
    sys.exit(main())
