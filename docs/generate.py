"""Writes docs/reference/ from the code; `make docs`. With --check: fails if anything is stale."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from syncline import errors
from syncline.cli.main import app
from syncline.control.project import JobSpec, TaskSpec
from syncline.control.properties import MODELS
from syncline.profile.columns import child_columns, table_columns
from syncline.profile.loader import bundled_profiles, load_profile
from syncline.profile.schema import Profile

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
    for name in bundled_profiles():
        yield f"profile-{name}.md", "\n".join(bundled(name))


def commands() -> Iterator[str]:
    """Describe every command."""
    yield "# Commands\n"
    yield "Exit codes: 0 done, 1 data or run failed, 2 configuration, 3 try again later, 130 interrupted.\n"
    group = typer.main.get_command(app)
    yield from _command(group, "syncline")


def _command(command: object, path: str) -> Iterator[str]:
    context = click.Context(command, info_name=path)  # type: ignore[arg-type]  # typer's own subclass
    subcommands = getattr(command, "commands", {})
    if not subcommands:
        yield f"## {path}\n"
        yield f"{getattr(command, 'help', '') or ''}\n"
        yield f"```\n{context.get_usage()}\n```\n"
        rows = [p.get_help_record(context) for p in command.params]  # type: ignore[attr-defined]
        for row in rows:
            if row:
                yield f"- `{row[0]}` {row[1]}"
        yield ""
    for name, sub in subcommands.items():
        yield from _command(sub, f"{path} {name}")


def error_codes() -> Iterator[str]:
    """Describe every error."""
    yield "# Errors\n"
    yield "Every error has a stable code. Each says what happened, and where it can, what to do.\n"
    yield "| code | meaning |\n|---|---|"
    for cls in vars(errors).values():
        if isinstance(cls, type) and issubclass(cls, errors.SynclineError):
            yield f"| `{cls.code}` | {(cls.__doc__ or '').splitlines()[0]} |"
    yield ""


def project_file() -> Iterator[str]:
    """Describe the project file."""
    yield "# Project file\n"
    yield "`connections:` name to `type` and `properties`; `jobs:` name to the following.\n"
    yield from _model(JobSpec, "A job")
    yield from _model(TaskSpec, "A task")


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
        "The JSON Schema is [profile.schema.json](profile.schema.json); `syncline profile schema` "
        "prints it.\n"
    )
    schema = Profile.model_json_schema(by_alias=True)
    parts = {"Profile": schema, **schema["$defs"]}
    for name, part in parts.items():
        if "properties" not in part:
            continue
        yield f"## {name}\n"
        yield f"{part.get('description', '')}\n"
        yield "| key | type | default | |\n|---|---|---|---|"
        required = part.get("required", [])
        for key, value in part["properties"].items():
            default = "required" if key in required else f"`{json.dumps(value.get('default'))}`"
            yield f"| `{key}` | {_type(value)} | {default} | {value.get('description', '')} |"
        yield ""


def _type(value: dict[str, object]) -> str:
    if "$ref" in value:
        return str(value["$ref"]).rsplit("/", 1)[-1]
    for key in ("anyOf", "oneOf"):
        options = value.get(key)
        if isinstance(options, list):
            return " or ".join(dict.fromkeys(_type(v) for v in options if v.get("type") != "null"))
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{v}`" for v in value["enum"])  # type: ignore[attr-defined]
    return str(value.get("type", "object"))


def bundled(name: str) -> Iterator[str]:
    """Describe a bundled profile."""
    profile = load_profile(name)
    yield f"# {profile.title or profile.name}\n"
    yield f"{profile.description} {profile.checked}\n"
    yield "| setting | default | |\n|---|---|---|"
    for key, setting in profile.settings.items():
        yield f"| `{key}` | {setting.default or ''} | {setting.description} |"
    yield ""
    for key, table in profile.tables.items():
        by = f", incremental by `{table.incremental.column}`" if table.incremental else ""
        yield f"## {key}\n"
        yield f"{table.description} `{table.path}`{by}; key {', '.join(table.primary_key) or 'none'}.\n"
        yield ", ".join(f"`{c.name}` {c.type}" for c in table_columns(profile, table)) + "\n"
        for child_key, child in table.children.items():
            yield f"### {child_key}\n"
            yield f"{child.description or f'A list inside {key}, from the same pages.'}\n"
            columns = child_columns(profile, table, child)
            yield ", ".join(f"`{c.name}` {c.type}" for c in columns) + "\n"


def _model(model: type[BaseModel], title: str) -> Iterator[str]:
    yield f"## {title}\n"
    yield "| key | default | |\n|---|---|---|"
    for name, field in model.model_fields.items():
        yield f"| `{field.alias or name}` | {_default(field)} | {field.description or ''} |"
    yield ""


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, "", (), {}) or "Secret" in type(value).__name__ else f"`{value}`"


if __name__ == "__main__":
    sys.exit(main())
