"""The commands on the store: apply, diff, export, reseal."""

import os
from pathlib import Path

import pytest

from acceptance.processes import Processes

FILE = """\
connections:
  clio: {type: api, properties: {Profile: clio, OAuthClientId: id,
         OAuthClientSecret: "${CLIO_SECRET}"}}
  lake: {type: duckdb, properties: {Database: lake.duckdb}}
jobs:
  nightly:
    source: clio
    destination: lake
    schedule: {daily_at: 03:30, time_zone: Europe/Berlin}
    tasks:
      - table: Matters
"""
CANARY = "canary-in-the-command-line"


def holding(folder: Path, text: str) -> list[Path]:
    return [p for p in folder.iterdir() if p.is_file() and text.encode() in p.read_bytes()]


async def test_a_file_goes_into_the_store_and_comes_out_again(
    processes: Processes, tmp_path: Path
) -> None:
    file, store = tmp_path / "p.yaml", f"--store=sqlite:///{tmp_path / 'store.db'}"
    file.write_text(FILE)
    environment = {"CLIO_SECRET": CANARY}
    ended = await processes.run("diff", str(file), store, cwd=tmp_path, env=environment)
    assert (ended.code, ended.out.splitlines()) == (
        1,
        ["+ connection clio", "+ connection lake", "+ job nightly"],
    )
    ended = await processes.run("apply", str(file), store, cwd=tmp_path, env=environment)
    assert (ended.code, ended.err) == (0, "3 created\n")
    ended = await processes.run("diff", str(file), store, cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "")
    again = tmp_path / "again.yaml"
    ended = await processes.run("export", store, f"--output={again}", cwd=tmp_path)
    assert ended.code == 0
    assert "CLIO_OAUTHCLIENTSECRET" in ended.err
    assert "daily_at: 03:30" in again.read_text()
    ended = await processes.run("apply", str(again), store, "--prune", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "nothing to do: the store is what the file says\n")
    ended = await processes.run("export", store, "--sealed", cwd=tmp_path)
    assert "OAuthClientSecret: !sealed " in ended.out
    assert CANARY not in ended.out
    ended = await processes.run("reseal", store, cwd=tmp_path)
    assert (ended.code, ended.out) == (0, "0 secrets sealed anew\n")
    assert {"store.db", "store.key"} <= {p.name for p in holding(tmp_path, "")}
    assert holding(tmp_path, CANARY) == []


async def test_what_cannot_be(processes: Processes, tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(FILE)
    for store, code, words in (
        ("mysql://u:hunter2@h/d", 2, "cannot be a mysql database"),
        ("postgresql://u:hunter2@127.0.0.1:1/d", 3, "does not answer"),
    ):
        ended = await processes.run("apply", str(file), f"--store={store}", cwd=tmp_path)
        assert ended.code == code
        assert words in ended.err.replace("\n", " ")
        assert "hunter2" not in ended.err


@pytest.mark.skipif(os.name == "nt", reason="the home folder has another place there")
async def test_the_default_store_is_in_the_user_s_data_folder(
    processes: Processes, tmp_path: Path
) -> None:
    ended = await processes.run(
        "export", cwd=tmp_path, env={"XDG_DATA_HOME": str(tmp_path / "data")}
    )
    assert (ended.code, ended.out) == (0, "connections: {}\n")
    assert (tmp_path / "data" / "syncline" / "store.db").exists()
