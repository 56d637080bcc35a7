"""A database file that cannot be made, opened or written: told once, and nothing is lost."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from acceptance.processes import Finished, Processes
from acceptance.serving import options, serving
from acceptance.support import contents, leftovers, results, run, small_clio, written

_TASKS = (
    {"table": "Activities", "commit_rows": 1},
    {"query": "SELECT * FROM Activities", "into": "copies", "write": "replace", "commit_rows": 1},
)
_HOLDS = """
import sys, duckdb
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def _check(ended: Finished, error: str, *words: str, code: int = 2) -> None:
    assert ended.code == code, ended
    assert ended.err.count("error [") == 1, ended.err
    assert f"error [{error}] " in ended.err, ended.err
    for word in words:
        assert word in ended.err, ended.err
    assert "\n  → " in ended.err
    assert "Traceback" not in ended.err + ended.out


@contextmanager
def _small_disk(folder: Path, megabytes: int) -> Iterator[Path | None]:
    """Yield a folder on a disk of that size, or None where none can be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", str(folder)]
    if (
        sys.platform != "linux"
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextmanager
def _held(database: Path) -> Iterator[None]:
    """Let another process hold a database file."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDS, database], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield
        holder.communicate()


async def test_a_file_that_may_not_grow(processes: Processes, tmp_path: Path) -> None:
    """At several sizes, so that it is full in different moments; what was committed is kept."""
    async with serving(options(400)) as watched:
        clean = written(
            _made(tmp_path, "clean"), watched, *_TASKS, profile=small_clio(tmp_path, 50)
        )
        results(await run(clean))
        everything, full = contents(clean.database), 0
        for kilobytes in (20, 150, 350, 500):
            folder = _made(tmp_path, str(kilobytes))
            project = written(folder, watched, *_TASKS, profile=tmp_path / "small-clio.yaml")
            ended = await processes.run("run", project.file, cwd=folder, file_size=kilobytes * 1024)
            if ended.code == 0:
                continue
            full += 1
            assert ended.code == 3, ended
            assert "error [transient.disk_full]" in ended.err, ended.err
            assert ended.err.count("error [transient.disk_full]") == ended.err.count("error [")
            assert "free some space" in ended.err
            assert "Traceback" not in ended.err
            found = contents(project.database) if project.database.exists() else {}
            assert set(found.get("Activities", [])) <= set(everything["Activities"])
            assert found.get("copies", []) in ([], everything["copies"])
            results(await run(project))
            assert contents(project.database) == everything
            assert not leftovers(project.database)
        assert full > 2


async def test_a_disk_that_is_full(processes: Processes, tmp_path: Path) -> None:
    async with serving(options(1500)) as watched:
        with _small_disk(tmp_path / "disk", 1) as disk:
            project = written(
                tmp_path, watched, _TASKS[0], profile="clio",
                lake={"Database": str((disk or tmp_path) / "lake.duckdb")},
            )  # fmt: skip
            size = None if disk else 400 * 1024
            ended = await processes.run("run", project.file, cwd=tmp_path, file_size=size)
            _check(ended, "transient.disk_full", "Activities: ", "free some space", code=3)


async def test_a_file_that_another_process_holds(processes: Processes, tmp_path: Path) -> None:
    """Told once for all tasks, before anything is asked of the API."""
    async with serving() as watched:
        project = written(tmp_path, watched, *_TASKS)
        results(await run(project))
        before = contents(project.database)
        watched.begin()
        with _held(project.database):
            ended = await processes.run("run", project.file, cwd=tmp_path)
        _check(ended, "transient.busy", "another process holds", "one writer at a time", code=3)
        assert not watched.asked
        assert contents(project.database) == before


@pytest.mark.parametrize(
    ("database", "words"),
    [
        ("missing/folder/lake.duckdb", ["there is no folder", "mkdir -p"]),
        ("folder", ["is a folder"]),
        ("text.duckdb", ["cannot open", "text.duckdb"]),
        ("text.duckdb/lake.duckdb", ["text.duckdb"]),
        ("/proc/lake.duckdb", ["/proc/lake.duckdb"]),
    ],
)
async def test_files_that_are_none(
    processes: Processes, tmp_path: Path, database: str, words: list[str]
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.duckdb").write_text("This is no database.\n" * 500, "utf-8")
    async with serving() as watched:
        project = written(tmp_path, watched, *_TASKS, lake={"Database": database})
        ended = await processes.run("run", project.file, cwd=tmp_path)
        _check(ended, "config.destination", *words)
        assert not watched.asked
        assert (tmp_path / "text.duckdb").read_text("utf-8").startswith("This is no database.")


async def test_a_file_that_was_cut_off(processes: Processes, tmp_path: Path) -> None:
    async with serving() as watched:
        project = written(tmp_path, watched, _TASKS[0])
        results(await run(project))
        whole = project.database.read_bytes()
        project.database.write_bytes(whole[: len(whole) // 2])
        ended = await processes.run("run", project.file, cwd=tmp_path)
        _check(ended, "config.destination", "lake.duckdb")


def _made(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder
