"""Invariant 7: what was put in as a secret is in nothing that Syncline says, come what may."""

import asyncio
import json
import logging
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from acceptance.processes import Process, Processes
from acceptance.serving import serving
from acceptance.support import small_clio
from control.canaries import KINDS, PROFILE, Canaries, connections, telltale
from syncline.api.access import ROUTES
from syncline.api.app import PREFIX
from syncline.cli.logs import begin_logging
from syncline.control.vault import VARIABLE
from syncline.sandbox.options import DEFAULT_CLIENT, DEFAULT_SECRET

PAGES = (
    "/", "/connections", "/connections/new", "/connections/new/api?profile=clio", "/jobs",
    "/jobs/new", "/jobs/good", "/jobs/good?tab=yaml", "/runs", "/explorer", "/settings",
    "/settings?tab=users", "/settings?tab=tokens", "/sign-in",
)  # fmt: skip


class World:
    """A Syncline at work, with its administrator signed in, by cookie and by token."""

    def __init__(self, secrets: Canaries, client: httpx.AsyncClient, folder: Path) -> None:
        self.secrets = secrets
        self.client = client
        self.folder = folder
        self.headers: dict[str, str] = {}

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        answer = await self.client.request(
            method, f"{PREFIX}{path}", json=body, headers=self.headers, **more
        )
        return self.secrets.answered(answer)

    async def enter(self, link: str) -> None:
        """Set a password, sign in with wrong ones, make a token."""
        secrets, client = self.secrets, self.client
        password = secrets.new("password of a user")
        given = {"link": secrets.note("one-time link", link), "password": password}
        answer = await client.post(f"{PREFIX}/session/link", json=given)
        assert answer.status_code == 200, answer.text
        secrets.note("session", client.cookies["syncline_session"])
        # The cookie itself is the only place that has it.
        secrets.listen("the answer to a link", answer.text)
        self.headers = {"X-CSRF-Token": answer.json()["csrf"]}
        wrong = secrets.new("wrong password")
        for body in (
            {"user": "admin", "password": wrong},
            {"user": ["admin"], "password": wrong},
            {"user": "admin", "password": {"is": wrong}},
            {"user": "admin", "password": wrong, "again": wrong},
            [wrong],
        ):
            refused = await self.call("POST", "/session", body)
            assert refused.status_code in {401, 422}, refused.text
        form = {"user": "admin", "password": wrong}
        for path in ("/sign-in", f"/welcome/{given['link']}"):
            secrets.answered(await client.post(path, data={**form, "again": wrong}))
        body = {"old": wrong, "new": secrets.new("new password")}
        assert (await self.call("POST", "/session/password", body)).status_code in {401, 422}
        made = await client.post(
            f"{PREFIX}/session/tokens", json={"name": "t"},
            headers={**self.headers, "Idempotency-Key": "once"},
        )  # fmt: skip
        assert made.status_code == 201, made.text
        token = secrets.note("API token", made.json()["token"])
        self.headers = {"Authorization": f"Bearer {token}"}
        unknown = {"Authorization": f"Bearer {secrets.new('unknown token')}"}
        secrets.answered(await client.get(f"{PREFIX}/jobs", headers=unknown))
        secrets.answered(await client.get("/metrics", headers=unknown))


@asynccontextmanager
async def world(processes: Processes, folder: Path, secrets: Canaries) -> AsyncIterator[World]:
    (folder / "store").mkdir()
    process = await processes.start(
        "serve", "--port", "0", "--store", f"sqlite:///{folder}/store/store.db",
        "--log-format", "json", "--log-level", "debug", cwd=folder, env=environment(secrets),
    )  # fmt: skip
    try:
        url = await said(process, r"(http://[^\s;]+);")
        link = await said(process, r"/welcome/(\S+)")
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            at = World(secrets, client, folder)
            await at.enter(link)
            yield at
    finally:
        process.signal(signal.SIGTERM)
        ended = await process.finished()
    assert ended.code == 0, ended.err
    secrets.listen("the log", ended.err)
    log = logged(ended.err)
    assert {"info", "error"} <= {line["level"] for line in log}
    # The link is for whoever starts it to open, and nowhere else.
    secrets.listen("standard output", ended.out.replace(link, ""))


def logged(text: str) -> list[dict[str, Any]]:
    """Return the lines of a log of JSON; there is nothing else in it."""
    for line in text.splitlines():
        assert line.startswith("{"), line
    return [json.loads(line) for line in text.splitlines()]


def environment(secrets: Canaries) -> dict[str, str]:
    if "secret key" not in secrets.known.values():
        secrets.new("secret key")
    key = next(value for value, what in secrets.known.items() if what == "secret key")
    return {VARIABLE: key, "SYNCLINE_ALLOW_PRIVATE_ADDRESSES": "1", "PYTHONUNBUFFERED": "1"}


async def said(process: Process, pattern: str) -> str:
    while (match := re.search(pattern, process.said())) is None:
        assert process.running, process.said()
        await asyncio.sleep(0.05)
    return match[1]


@pytest.mark.timeout(240)
async def test_no_secret_is_in_anything_that_is_said(processes: Processes, tmp_path: Path) -> None:
    secrets = Canaries()
    profile = tmp_path / "telltale.yaml"
    profile.write_text(PROFILE, "utf-8")
    small_clio(tmp_path, attempts=1).rename(tmp_path / "clio.yaml")
    async with telltale() as address, serving() as watched:
        given = dict(connections(secrets, address, profile))
        pair = watched.sandbox.issue_token()
        given["good"] = {
            "type": "api",
            "properties": {
                "Profile": "clio",
                "ProfileSettings": {"BaseURL": watched.url},
                "OAuthClientId": DEFAULT_CLIENT,
                "OAuthClientSecret": DEFAULT_SECRET,
                "OAuthAccessToken": secrets.note("access token", pair.access_token),
                "OAuthRefreshToken": secrets.note("refresh token", pair.refresh_token or "none"),
            },
        }
        lake = {"Database": str(tmp_path / "lake.duckdb")}
        given["lake"] = {"type": "duckdb", "properties": lake}
        async with world(processes, tmp_path, secrets) as at:
            await channels(at, address)
            await made(at, given)
            await tried(at, given)
            await mistaken(at)
            runs = await ran(at)
            await looked_at(at, runs, given)
            await projects(at)
            commands = asyncio.gather(*(command(at, processes, words) for words in COMMANDS))
            await commands
        secrets.kept(tmp_path / "store")
    assert secrets.heard == []
    assert secrets.places > 300


async def channels(at: World, address: str) -> None:
    """Make channels whose addresses have secrets everywhere, and some that are refused."""
    new, host = at.secrets.new, address.removeprefix("http://")
    places = {
        "ops": f"json://ann:{new('channel password')}@{host}/500/{new('path')}?+X-Key={new('key')}",
        "away": f"form://ann:{new('channel password')}@{host}/away/{new('path of a form')}",
        "wrong": f"nonsense://{new('unknown service')}/{new('its path')}",
        "broken": f"json://[{new('broken address')}",
        "mail": f"mailto://ann:{new('mail')}@example.com?smtp=127.0.0.1&to=bob@example.com",
    }
    for name, url in places.items():
        answer = await at.call("POST", "/channels", {"name": name, "url": url})
        assert answer.status_code == (422 if name in {"wrong", "broken"} else 201), answer.text
        await at.call("PATCH", f"/channels/{name}", {"url": f"{url} {new('changed')}"})
        await at.call("PATCH", f"/channels/{name}", {"url": url})
    for tried_ in await asyncio.gather(
        *(at.call("POST", f"/channels/{name}/test") for name in ("ops", "away", "mail"))
    ):
        assert not tried_.json()["ok"], tried_.text


async def made(at: World, given: dict[str, Any]) -> None:
    for name, connection in given.items():
        answer = await at.call("POST", "/connections", {"name": name, **connection})
        assert answer.status_code == 201, answer.text
    jobs = {
        "good": ("good", "lake", [{"table": "Matters"}, {"table": "Users"}]),
        "refused": ("basic-401", "lake", [{"table": "Things"}]),
        "refused-oauth": ("oauth-401", "lake", [{"table": "Matters"}]),
        "no-postgres": ("good", "postgres", [{"table": "Matters"}]),
        "no-url": ("good", "postgres-url", [{"table": "Matters"}]),
        "no-sqlserver": ("good", "sqlserver", [{"table": "Matters"}]),
    }
    for name, (source, destination, tasks) in jobs.items():
        alerts = [{"when": "failure", "channels": ["ops", "away"]}]
        job = {"name": name, "source": source, "destination": destination, "tasks": tasks,
               "retries": 0, "alerts": alerts}  # fmt: skip
        answer = await at.call("POST", "/jobs", job)
        assert answer.status_code == 201, answer.text


async def tried(at: World, given: dict[str, Any]) -> None:
    """Test every connection, as it is stored and as it is being edited."""
    answers = await asyncio.gather(
        *(at.call("POST", f"/connections/{name}/test") for name in given),
        *(
            at.call("POST", "/connections/test", {"name": "", **given[name]})
            for name in given
            if name.endswith(("-401", "-html")) or name.startswith("postgres")
        ),
    )
    by_name = dict(zip(given, answers, strict=False))
    good = by_name.pop("good")
    assert good.json()["ok"], good.text
    assert by_name.pop("lake").json()["ok"]
    for name, answer in by_name.items():
        assert answer.status_code == 200, answer.text
        assert not answer.json()["ok"], name
    await at.call("POST", "/connections/oauth-401/authorize", {})
    state = at.secrets.new("state of a sign-in")
    code = at.secrets.new("code of a sign-in")
    body = {"answer": f"http://127.0.0.1/callback?code={code}&state={state}"}
    await at.call("POST", "/connections/authorized", body)
    at.secrets.answered(
        await at.client.get("/oauth/callback", params={"code": code, "state": state})
    )
    begun = await at.call("POST", "/connections/oauth-500/authorize", {})
    body = {"answer": code, "state": begun.json()["state"]}
    assert (await at.call("POST", "/connections/authorized", body)).status_code >= 400


async def mistaken(at: World) -> None:
    """Send secrets in every form that is refused."""
    new = at.secrets.new
    secret = new("secret of what is refused")
    forms: tuple[Any, ...] = (
        {"Port": secret},
        {"Pasword": secret},
        {"Password": [secret]},
        {"Password": secret, "password": secret},
        f"Server=localhost;Password={secret};{secret}",
        f"Server=localhost;Password='{secret}",
        {"SSLMode": {"Password": secret}},
        [secret],
    )
    for properties in forms:
        for type_ in ("postgres", "api", secret):
            body: Any = {"name": "wrong", "type": type_, "properties": properties}
            answer = await at.call("POST", "/connections", body)
            assert answer.status_code in {201, 422}, answer.text
            await at.call("POST", "/connections/test", body)
            await at.call("DELETE", "/connections/wrong")
        answer = await at.call("PATCH", "/connections/postgres", {"properties": properties})
        assert answer.status_code == 422, answer.text
    # Who may not see a secret may not have it sent elsewhere either.
    moved = {"properties": {"Server": "elsewhere", "Port": 9, "Database": "d"}}
    assert (await at.call("PATCH", "/connections/postgres", moved)).status_code == 422
    for method, path in ROUTES:
        if method in {"POST", "PUT", "PATCH"} and path not in {"/session/tokens", "/users"}:
            address = re.sub(r"\{\w+\}", "good", path)
            bodies: tuple[object, ...] = (
                {"password": secret, "properties": {"Password": secret}}, secret,
            )  # fmt: skip
            for body in bodies:
                answer = await at.call(method, address, body)
                assert answer.status_code < 500, (method, path, answer.text)


async def ran(at: World) -> list[str]:
    """Run every job, those that fail too; follow their logs."""
    names = ("good", "refused", "refused-oauth", "no-postgres", "no-url", "no-sqlserver")
    answers = await asyncio.gather(
        *(at.call("POST", f"/jobs/{name}/runs", {"wait": 60}) for name in names)
    )
    states = {name: a.json()["state"] for name, a in zip(names, answers, strict=True)}
    assert states == dict.fromkeys(names, "failed") | {"good": "succeeded"}
    runs = [answer.json()["id"] for answer in answers]
    for run in runs:
        await at.call("GET", f"/runs/{run}/events")
        await at.call("GET", f"/runs/{run}/events/stream")
    return runs


async def looked_at(at: World, runs: list[str], given: dict[str, Any]) -> None:
    """Ask for all that can be looked at: routes, pages, numbers."""
    for method, path in ROUTES:
        if method == "GET" and not path.endswith("/stream"):
            values = {"name": "good", "table": "Matters", "run_id": runs[0]}
            known = {key: values.get(key, "nothing") for key in re.findall(r"\{(\w+)\}", path)}
            await at.call("GET", path.format(**known))
    for name in ("postgres", "oauth-401", "basic-401", "sqlserver"):
        await at.call("GET", f"/connections/{name}")
        await at.call("GET", f"/connections/{name}/tables")
    task = {"table": "Things"}
    for kind in KINDS:
        job = {"name": "try", "source": f"basic-{kind}", "destination": "lake", "tasks": [task]}
        await at.call("POST", "/jobs", job)
        answer = await at.call("POST", "/jobs/try/tasks/preview", task)
        assert answer.status_code >= 400, answer.text
        await at.call("DELETE", "/jobs/try")
    at.secrets.answered(await at.client.get("/metrics", headers=at.headers))
    at.secrets.answered(await at.client.get(f"{PREFIX}/openapi.json"))
    pages = (*PAGES, *(f"/connections/{name}" for name in given), *(f"/runs/{r}" for r in runs))
    for page in pages:
        answer = at.secrets.answered(await at.client.get(page, follow_redirects=True))
        assert answer.status_code == 200, (page, answer.text[:500])


async def projects(at: World) -> None:
    """Export, compare and apply project files with secrets in them."""
    for secrets in ("variables", "sealed"):
        exported = await at.call("GET", f"/project?secrets={secrets}")
        assert exported.status_code == 200
        assert "!sealed" in exported.text or secrets == "variables"
        for path in ("diff", "apply"):
            await at.call("POST", f"/project/{path}", {"file": exported.text})
    new = at.secrets.new("secret in a project file")
    document = yaml.safe_load((await at.call("GET", "/project")).text)
    document["connections"]["postgres"]["properties"]["Password"] = new
    document["connections"]["fresh"] = {
        "type": "postgres",
        "properties": {"Server": "nowhere", "Password": new},
    }
    file = yaml.safe_dump(document)
    (at.folder / "project.yaml").write_text(file, "utf-8")
    texts = (
        file, file.replace("Server", "Sever"), f"{file}\n- {new}", f"'{new}",
        *(file.replace(f"Password: {new}", f"Password: {sign}{new}") for sign in "!*&%@[{"),
    )  # fmt: skip
    for text in texts:
        for path in ("diff", "apply"):
            await at.call("POST", f"/project/{path}", {"file": text})


#: ``{store}``, ``{file}`` and ``{string}`` are filled in.
COMMANDS = (
    "export --sealed --store {store}", "diff {file} --store {store}", "runs list --store {store}",
    "run {file} --job refused --log-format json --log-level debug", "run {file} --job no-postgres",
    "preview {file} Things --job refused", "query {string} *", "apply {file} --store {store}",
)  # fmt: skip


async def command(at: World, processes: Processes, words: str) -> None:
    secret = at.secrets.new(f"secret of {words}")
    string = (
        f"Profile={at.folder}/telltale.yaml;AuthScheme=Basic;User=ann;Password={secret};"
        f"ProfileSettings='BaseURL=http://127.0.0.1:9;Key={secret}'"
    )
    filled = {
        "{store}": f"sqlite:///{at.folder}/store/store.db",
        "{file}": str(at.folder / "project.yaml"),
        "{string}": string,
        "*": "SELECT * FROM Things",
    }
    document = yaml.safe_load((at.folder / "project.yaml").read_text("utf-8"))
    names = set(re.findall(r"\$\{(\w+)\}", json.dumps(document)))
    variables = {name: at.secrets.new(f"variable {name}") for name in names}
    done = await processes.run(
        *(filled.get(word, word) for word in words.split(" ")),
        cwd=at.folder, env={**environment(at.secrets), **variables},
    )  # fmt: skip
    at.secrets.listen(f"syncline {words}", f"{done.out}\n{done.err}")
    assert "Traceback" not in done.err, done.err


def test_a_traceback_has_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    secrets = Canaries()
    root, ours = logging.getLogger(), logging.getLogger("syncline")
    before = (list(root.handlers), root.level, ours.level)
    try:
        for form in ("text", "json"):
            begin_logging(form, "debug")
            held = secrets.new(f"a variable, {form}")
            try:
                _breaks({"password": held})
            except ZeroDivisionError:
                ours.exception("it broke")
            said_ = capsys.readouterr().err
            assert "_breaks" in said_
            assert "ZeroDivisionError" in said_
            secrets.listen(form, said_)
            json_ = said_.startswith("{")
            assert json_ == (form == "json")
    finally:
        root.handlers[:], root.level, ours.level = before[0], before[1], before[2]
    assert secrets.heard == []
    assert sys.stderr is not None


def _breaks(held: dict[str, str]) -> float:
    return len(held) / 0
