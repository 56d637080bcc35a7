"""The commands for people: a link for who forgot the password, a sign-in without a browser here."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from acceptance.processes import Processes
from control.test_authorizing import agreed
from syncline.sandbox.options import Options
from syncline.sandbox.server import running

FILE = """\
connections:
  clio: {{type: api, properties: {{Profile: clio, ProfileSettings: {{BaseURL: "{url}"}},
         OAuthClientId: sandbox-client, OAuthClientSecret: sandbox-secret}}}}
  lake: {{type: duckdb, properties: {{Database: lake.duckdb}}}}
"""


async def test_a_link_for_a_new_user_and_one_who_forgot_the_password(
    processes: Processes, tmp_path: Path
) -> None:
    store = f"--store=sqlite:///{tmp_path / 'store.db'}"
    made = await processes.run("users", "link", "ann", "--role=admin", store, cwd=tmp_path)
    assert made.code == 0
    assert re.fullmatch(r"/welcome/[\w-]{43}\n", made.out)
    again = await processes.run("users", "link", "ann", store, cwd=tmp_path)
    assert again.out != made.out
    listed = await processes.run("users", "list", store, cwd=tmp_path)
    assert re.search(r"ann\s+admin\s+invited", listed.out)
    for arguments in (("nobody",), ("bob", "--role=king"), ("ann", "--role=admin")):
        refused = await processes.run("users", "link", *arguments, store, cwd=tmp_path)
        assert (refused.code, refused.out) == (2, "")


async def test_signing_in_without_a_browser_on_this_machine(
    processes: Processes, tmp_path: Path
) -> None:
    store = f"--store=sqlite:///{tmp_path / 'store.db'}"
    async with running(Options(rows=20, rate_limit=0)) as sandbox:
        file = tmp_path / "p.yaml"
        file.write_text(FILE.format(url=sandbox.url))
        assert (await processes.run("apply", str(file), store, cwd=tmp_path)).code == 0
        given = await processes.run("connections", "authorize", "clio", store, cwd=tmp_path)
        assert (given.code, "nothing was pasted" in given.err) == (2, True)
        url = given.out.strip()
        assert parse_qs(urlsplit(url).query)["state"]
        # Whatever a person pastes later: the answer to another attempt is none to this one.
        answer = await agreed(url)
        wrong = await processes.run(
            "connections", "authorize", "clio", store, cwd=tmp_path, given=f"{answer}\n"
        )
        assert wrong.code == 2
        assert "another attempt" in wrong.err
        code = parse_qs(urlsplit(await agreed(wrong.out.strip())).query)["code"][0]
        right = await processes.run(
            "connections", "authorize", "clio", store, cwd=tmp_path, given=f"{code}\n"
        )
        assert (right.code, "signed in for clio" in right.err) == (0, True)
    listed = await processes.run("connections", "authorize", "lake", store, cwd=tmp_path)
    assert listed.code == 2
