"""The OAuth sign-in of the real command, with a program in place of the person at the browser."""

import asyncio
import json
import signal
import socket
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from acceptance.processes import Processes
from acceptance.serving import Watched, options, serving
from acceptance.support import Project, contents, written

_PERSON = """#!{python}
import re, sys, urllib.parse, urllib.request

url, decision = sys.argv[1], "{decision}"
with urllib.request.urlopen(url) as page:
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"',
                             page.read().decode()))
answer = urllib.parse.urlencode({{**fields, "decision": decision}}).encode()
with urllib.request.urlopen(url.split("?")[0], data=answer) as page:
    page.read()
"""


def _project(folder: Path, watched: Watched, **source: Any) -> Project:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    given = {
        "OAuthAccessToken": None,
        "OAuthRefreshToken": None,
        "OAuthSettingsLocation": str(folder / "kept" / "tokens.json"),
        "CallbackURL": f"http://127.0.0.1:{port}/callback",
        **source,
    }
    return written(folder, watched, {"table": "Users"}, source=given)


def _person(folder: Path, decision: str) -> dict[str, str]:
    """Return the variables that make a program the user's browser."""
    path = folder / "person"
    path.write_text(_PERSON.format(python=sys.executable, decision=decision), "utf-8")
    path.chmod(0o700)
    return {"BROWSER": str(path)}


def _nowhere(folder: Path, *secrets: str) -> None:
    """Assert that the secrets are in no file but the token store."""
    for path in folder.rglob("*"):
        if path.is_file() and path.name != "tokens.json":
            content = path.read_bytes()
            assert not [s for s in secrets if s.encode() in content], path


async def test_signing_in_once_is_enough(processes: Processes, tmp_path: Path) -> None:
    async with serving() as watched:
        project = _project(tmp_path, watched)
        first = await processes.run(
            "run", project.file, cwd=tmp_path, env=_person(tmp_path, "allow")
        )
        assert first.code == 0, first
        assert "Sign in to go on" in first.err
        store = tmp_path / "kept" / "tokens.json"
        assert stat.S_IMODE(store.stat().st_mode) == 0o600
        tokens = json.loads(store.read_text("utf-8"))
        assert len(watched.grants) == 1
        second = await processes.run("run", project.file, cwd=tmp_path)
        assert second.code == 0, second
        assert "Sign in" not in second.err
        assert len(watched.grants) == 1
        assert len(contents(project.database)["Users"]) == 25
        secrets = (tokens["access_token"], tokens["refresh_token"])
        _nowhere(tmp_path, *secrets)
        for ended in (first, second):
            assert not [s for s in secrets if s in ended.out + ended.err]


@pytest.mark.parametrize("rotates", [False, True])
async def test_a_token_that_has_ended_is_renewed_and_kept(
    processes: Processes, tmp_path: Path, *, rotates: bool
) -> None:
    async with serving(options(refresh_rotates=rotates)) as watched:
        project = _project(tmp_path, watched)
        pair = watched.sandbox.issue_token()
        watched.sandbox.expire_tokens(pair.access_token)
        store = tmp_path / "kept" / "tokens.json"
        store.parent.mkdir()
        assert pair.refresh_token is not None
        known = {"access_token": pair.access_token, "refresh_token": pair.refresh_token}
        store.write_text(json.dumps(known), "utf-8")
        for _ in range(2):
            ended = await processes.run("run", project.file, cwd=tmp_path)
            assert ended.code == 0, ended
        assert len(watched.grants) == 1
        kept = json.loads(store.read_text("utf-8"))
        assert kept["access_token"] != pair.access_token
        assert (kept["refresh_token"] != pair.refresh_token) == rotates
        _nowhere(tmp_path, *known.values(), kept["access_token"], kept["refresh_token"])


@pytest.mark.parametrize(
    ("decision", "source", "words"),
    [
        ("decline", {}, "consent"),
        ("allow", {"OAuthClientSecret": "not the secret"}, "invalid_client"),
        ("allow", {"InitiateOAuth": "REFRESH"}, "InitiateOAuth does not allow"),
    ],
)
async def test_no_consent(
    processes: Processes, tmp_path: Path, decision: str, source: dict[str, str], words: str
) -> None:
    async with serving() as watched:
        project = _project(tmp_path, watched, **source)
        ended = await processes.run(
            "run", project.file, cwd=tmp_path, env=_person(tmp_path, decision)
        )
        assert ended.code == 2, ended
        assert ended.err.count("error [config.credential] ") == 1, ended.err
        assert words in ended.err
        assert "\n  → " in ended.err
        assert "not the secret" not in ended.out + ended.err
        assert "Traceback" not in ended.err
        assert not (tmp_path / "kept" / "tokens.json").exists()


async def test_nobody_answers_and_ctrl_c_is_pressed(processes: Processes, tmp_path: Path) -> None:
    async with serving() as watched:
        project = _project(tmp_path, watched)
        quiet = {"BROWSER": "true"}
        process = await processes.start("run", project.file, cwd=tmp_path, env=quiet)
        while "open this address" not in process.said():
            assert process.running, process.said()
            await asyncio.sleep(0.02)
        process.signal(signal.SIGINT)
        ended = await process.finished()
        assert ended.code == 130
        assert "interrupted" in ended.err
        assert "Traceback" not in ended.err
