"""The command itself: how it starts, and what it does not load."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance.processes import Processes, cold
from syncline import __version__

#: Each takes longer to load than --help may take.
_HEAVY = (
    "aiohttp", "alembic", "cryptography", "dbos", "duckdb", "fastapi", "nicegui", "numpy",
    "pyarrow", "sqlalchemy", "sqlglot",
)  # fmt: skip
_LOADED = """
import json, sys
from syncline.cli.main import app
sys.argv = ["syncline", *sys.argv[1:]]
try:
    app()
except SystemExit as end:
    sys.stderr.write(json.dumps([end.code, sorted(sys.modules)]))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["query", "--help"],
        ["demo", "--help"],
        ["sandbox", "--help"],
        ["profile", "--help"],
        ["apply", "--help"],
        ["serve", "--help"],
        ["profile", "check", "-h"],
    ],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments], capture_output=True, text=True, check=True
    )
    code, modules = json.loads(ended.stderr)
    assert not code
    assert ended.stdout
    assert not set(modules) & set(_HEAVY)


async def test_the_installed_command(tmp_path: Path) -> None:
    ended = await cold("--version", cwd=tmp_path)
    assert (ended.code, ended.out, ended.err) == (0, f"syncline {__version__}\n", "")
    ended = await cold("profile", "check", "clio", cwd=tmp_path)
    assert ended.code == 0
    assert "117 tables" in ended.out + ended.err


async def test_what_is_not_understood(processes: Processes, tmp_path: Path) -> None:
    for arguments, words in (
        ([], "Usage: syncline"),
        (["replicate"], "No such command 'replicate'"),
        (["run"], "Missing argument 'FILE'"),
        (["run", "x.yaml", "--format", "xml"], "'xml' is not one of"),
        (["query", "clio"], "Missing argument 'sql'"),
        (["demo", "--rows", "5"], "greater than or equal to 100"),
        (["sandbox", "--port", "many"], "valid integer"),
    ):
        ended = await processes.run(*arguments, cwd=tmp_path)
        assert ended.code == 2, (arguments, ended)
        assert words in ended.out + ended.err, (arguments, ended)
        assert "Traceback" not in ended.err


async def test_the_help_names_every_command(processes: Processes, tmp_path: Path) -> None:
    ended = await processes.run("--help", cwd=tmp_path)
    assert ended.code == 0
    for command in ("demo", "sandbox", "query", "tables", "columns", "check", "run", "profile"):
        assert f"\n  {command} " in ended.out


_PROJECT = """\
connections:
  api:
    type: api
    properties: {Profile: clio, ProfileSettings: "BaseURL=http://127.0.0.1:1", AuthScheme: None}
  lake: {type: duckdb, properties: {Database: lake.duckdb}}
jobs:
  all:
    source: api
    destination: lake
    tasks:
      - {query: "SELECT id, upper(name) AS name FROM Contacts", into: contacts}
"""


def test_pandas_is_not_loaded_where_it_is_installed(tmp_path: Path) -> None:
    (tmp_path / "pandas.py").write_text("__version__ = '3.0.0'\n", "utf-8")
    (tmp_path / "project.yaml").write_text(_PROJECT, "utf-8")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{_LOADED}"
    ended = subprocess.run(
        [sys.executable, "-c", program, "check", "project.yaml"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=True,
    )
    _, modules = json.loads(ended.stderr.splitlines()[-1])
    assert {"duckdb", "pyarrow", "sqlglot"} <= set(modules)
    assert "pandas" not in modules
