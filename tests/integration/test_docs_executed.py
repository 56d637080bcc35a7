"""The tutorial and the profile of the how-to, done step by step as they are written."""

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp import web

from integration.documents import ROOT, Block, blocks
from standins.tds.fixture import TdsServer, running_tds
from syncline.sandbox.options import DEFAULT_CLICKTIME_TOKEN, Options
from syncline.sandbox.server import running

_TUTORIAL = ROOT / "docs" / "tutorial" / "first-replication.md"
_PROFILE = ROOT / "docs" / "how-to" / "write-a-profile.md"
_SQLSERVER = ROOT / "docs" / "how-to" / "sqlserver.md"
#: What a person does at the consent page.
_BROWSER = """
import html, re, sys, urllib.parse, urllib.request
page = urllib.request.urlopen(sys.argv[1]).read().decode()
form = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
form = {name: html.unescape(value) for name, value in form.items()} | {"decision": "allow"}
address = sys.argv[1].split("?")[0]
urllib.request.urlopen(address, urllib.parse.urlencode(form).encode()).read()
"""
#: Slim systems have none; the tutorial needs no more of it than this.
_CURL = """#!{python}
import sys, urllib.request
address = next(a for a in sys.argv if a.startswith("http"))
body = sys.argv[sys.argv.index("-d") + 1]
print(urllib.request.urlopen(address, body.encode()).read().decode())
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Reader:
    """Somebody who does what a page says, in a folder of their own."""

    def __init__(
        self,
        folder: Path,
        changes: Sequence[tuple[str, str]],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self._changes = changes
        tools = folder / "tools"
        tools.mkdir()
        (tools / "browser.py").write_text(_BROWSER, "utf-8")
        if shutil.which("curl") is None:
            (tools / "curl").write_text(_CURL.format(python=sys.executable), "utf-8")
            (tools / "curl").chmod(0o755)
        path = [str(Path(sys.executable).parent), os.environ["PATH"], str(tools)]
        self._environment = {
            "PATH": os.pathsep.join(path),
            "HOME": str(folder),
            "COLUMNS": "200",
            "LANG": "C.UTF-8",
            "BROWSER": f"{sys.executable} {tools / 'browser.py'} %s",
            **(environment or {}),
        }
        #: What the last command printed.
        self.shown = ""

    async def does(self, block: Block) -> None:
        """Save a file, run a command, or compare with what was to be seen."""
        text = self._changed(block.text)
        match block.language:
            case "yaml":
                assert block.file, f"{block}: under which name?"
                (self._folder / block.file).write_text(text, "utf-8")
            case "sh":
                self.shown = await self._run(text, block)
            case "text":
                seen = {_without_times(line) for line in self.shown.splitlines()}
                for line in text.splitlines():
                    assert _without_times(line) in seen, f"{block}: {line!r} not in\n{self.shown}"

    @asynccontextmanager
    async def meanwhile(self, block: Block, ready: str) -> AsyncIterator[None]:
        """Keep a command running in another terminal, once it has said that it is ready."""
        # Signals are for the command, not for the shell that would wait for it.
        process = await self._start(f"exec {self._changed(block.text)}")
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                if ready in line.decode():
                    break
            yield
        finally:
            process.send_signal(signal.SIGINT)
            await process.communicate()

    async def _run(self, text: str, block: Block) -> str:
        process = await self._start(text)
        out, _ = await process.communicate()
        assert process.returncode == 0, f"{block}: {out.decode()}"
        return out.decode()

    async def _start(self, text: str) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            "bash", "-ec", text,
            cwd=self._folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip

    def _changed(self, text: str) -> str:
        for written, here in self._changes:
            text = text.replace(written, here)
        return text


def _without_times(line: str) -> str:
    return re.sub(r"\b\d+\.\d$", "#", " ".join(line.split()))


async def test_the_tutorial_works_as_it_is_written(tmp_path: Path) -> None:
    port, callback = _free_port(), _free_port()
    tokens = "      OAuthSettingsLocation: tokens.json\n"
    reader = Reader(
        tmp_path,
        [
            ("127.0.0.1:8765", f"127.0.0.1:{port}"),
            ("syncline sandbox", f"syncline sandbox --port {port}"),
            (tokens, f"{tokens}      CallbackURL: http://127.0.0.1:{callback}/callback\n"),
        ],
    )
    first, *steps = blocks(_TUTORIAL, "sh", "yaml", "text")
    async with reader.meanwhile(first, "Ctrl-C"):
        for step in steps:
            await reader.does(step)
    assert (tmp_path / "tokens.json").stat().st_mode & 0o077 == 0


_BOOKS = [
    {
        "id": 1, "title": "Dune", "price": "9.50", "author": {"id": 7, "name": "Herbert"},
        "tags": ["sf", "desert"],
        "copies": [{"number": 1, "shelf": "A1"}, {"number": 2, "shelf": "A2"}],
        "changed_at": "2026-02-01T10:00:00Z",
    },
    {
        "id": 2, "title": "Emma", "price": "7.25", "author": {"id": 8, "name": "Austen"},
        "tags": [], "copies": [{"number": 3, "shelf": "B1"}],
        "changed_at": "2026-02-01T11:00:00Z",
    },
    {
        "id": 3, "title": "Dune Messiah", "price": "8.00", "author": {"id": 7, "name": "Herbert"},
        "tags": ["sf"], "copies": [{"number": 4, "shelf": "A3"}],
        "changed_at": "2026-02-02T09:00:00Z",
    },
]  # fmt: skip


#: As much of a document as the page needs.
_DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "Bookshop", "version": "1"},
    "servers": [{"url": "/v1"}],
    "components": {
        "securitySchemes": {"key": {"type": "apiKey", "in": "header", "name": "X-Key"}},
        "schemas": {
            "Author": {
                "type": "object",
                "properties": {"id": {"type": "integer"}, "name": {"type": "string"}},
            },
            "Book": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "title": {"type": "string"},
                    "price": {"type": "string"},
                    "author": {"$ref": "#/components/schemas/Author"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "copies": {
                        "type": "array",
                        "items": {
                            "properties": {
                                "number": {"type": "integer"}, "shelf": {"type": "string"},
                            }
                        },
                    },
                    "changed_at": {"type": "string", "format": "date-time"},
                },
            },
        },
    },
    "paths": {
        "/books": {
            "get": {
                "parameters": [
                    {"name": "per_page", "in": "query", "schema": {"type": "integer"}},
                    {"name": "author_id", "in": "query", "schema": {"type": "integer"}},
                    {"name": "changed_after", "in": "query", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {
                                        "books": {
                                            "type": "array",
                                            "items": {"$ref": "#/components/schemas/Book"},
                                        },
                                        "next": {
                                            "type": "string",
                                            "description": "Address of the next page.",
                                        },
                                    },
                                }
                            }
                        }
                    },
                    "4XX": {
                        "content": {
                            "application/json": {
                                "schema": {"properties": {"message": {"type": "string"}}}
                            }
                        }
                    },
                },
            }
        },
        "/books/{id}": {"get": {"responses": {}}},
    },
}  # fmt: skip


async def _document(_: web.Request) -> web.Response:
    return web.json_response(_DOCUMENT)


async def _books(request: web.Request) -> web.Response:
    """Answer as the page says that the bookshop does."""
    if request.headers.get("X-Key") != "k-123":
        return web.json_response({"message": "who are you?"}, status=401)
    after, size = int(request.query.get("after", 0)), int(request.query.get("per_page", 2))
    author, changed = request.query.get("author_id"), request.query.get("changed_after", "")
    rows = [b for b in _BOOKS if int(str(b["id"])) > after and str(b["changed_at"]) >= changed]
    rows = [b for b in rows if author is None or str(b["author"]["id"]) == author]  # type: ignore[index]  # an object
    answer: dict[str, object] = {"books": rows[:size]}
    if len(rows) > size:
        following = request.rel_url.update_query(after=str(rows[size - 1]["id"]))
        answer["next"] = str(following)
    return web.json_response(answer)


async def test_the_profile_of_the_how_to_works_as_it_is_written(tmp_path: Path) -> None:
    application = web.Application()
    application.router.add_get("/v1/books", _books)
    application.router.add_get("/openapi.json", _document)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        here = f"http://127.0.0.1:{runner.addresses[0][1]}"
        reader = Reader(tmp_path, [("https://books.example.com", here)])
        for step in blocks(_PROFILE, "sh", "yaml", "text"):
            await reader.does(step)
    finally:
        await runner.cleanup()


@pytest.fixture
def server() -> Iterator[TdsServer]:
    """A SQL Server, real or not, and a login that may do everything in a new database."""
    with running_tds() as started:
        yield started


async def test_clicktime_reaches_a_table_of_sql_server_as_it_is_written(
    tmp_path: Path, server: TdsServer
) -> None:
    known = blocks(_SQLSERVER, "sql", "yaml", "sh", "text")
    made = next(i for i, block in enumerate(known) if "CREATE TABLE dbo.Hours" in block.text)
    await asyncio.to_thread(server.execute, known[made].text)
    async with running(Options(rows=200)) as sandbox:
        reader = Reader(
            tmp_path,
            [
                ("db.example.com,1433", f"{server.host},{server.port}"),
                ("Database: warehouse", f"Database: {server.database}"),
                ("User: syncline", f"User: {server.user}\n      TrustServerCertificate: true"),
                ("${CLICKTIME_TOKEN}", f"${{CLICKTIME_TOKEN}};BaseURL={sandbox.url}"),
            ],
            {"CLICKTIME_TOKEN": DEFAULT_CLICKTIME_TOKEN, "DATABASE_PASSWORD": server.password},
        )
        for step in known[made + 1 :]:
            await reader.does(step)
        hours = [
            Decimal(str(row["EstHours"]))
            for row in sandbox.truth("/Allocations", query="UserIsActive=true")
        ]
    connection = await asyncio.to_thread(server.connect)
    cursor = connection.cursor()
    cursor.execute("SELECT hours, job_name FROM dbo.Hours")
    found = cursor.fetchall()
    connection.close()
    assert sorted(row[0] for row in found) == sorted(hours)
    assert all(row[1] for row in found)
    previewed = (tmp_path / "preview.csv").read_text("utf-8").splitlines()
    assert previewed[0] == "hours,job_name"
    assert len(previewed) == 1 + min(200, len(hours))
