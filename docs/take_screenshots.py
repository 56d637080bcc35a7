"""Takes pictures of every page, light and dark, wide and narrow: docs/images/web-*.png.

With names of pages as arguments, of those only.
"""
# ruff: noqa: INP001 (a script, not a package)

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from playwright.sync_api import Browser, Page, expect  # noqa: E402 (as above)

from acceptance.processes import SYNCLINE  # noqa: E402 (the tests' folder is on the path now)
from web.browser import enter, opened_browser, served, window  # noqa: E402 (as above)
from web.filling import filled  # noqa: E402 (as above)

IMAGES = ROOT / "docs" / "images"
_LOOK = {"connection": "clicktime", "sql": "SELECT Name, Email, StartDate, BillingRate FROM Users"}
PAGES = {
    "dashboard": "/", "connections": "/connections", "add-connection": "/connections/new",
    "connection": "/connections/clio", "jobs": "/jobs", "add-job": "/jobs/new",
    "job": "/jobs/timesheets", "schedule": "/jobs/timesheets?tab=schedule",
    "yaml": "/jobs/timesheets?tab=yaml", "runs": "/runs",
    "explorer": f"/explorer?{urlencode(_LOOK)}",
    "alerts": "/jobs/nightly-clio?tab=alerts", "options": "/jobs/nightly-clio?tab=options",
    "notifications": "/settings?tab=notifications",
    "settings": "/settings?tab=users", "secrets": "/settings?tab=secrets",
}  # fmt: skip
#: What comes a moment after the page.
_LATER = {"rejects": "in hours_rejects", "mapping": "needs a value and gets none"}
_KINDS = (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390))


def main() -> None:
    """Start everything, click through it, take the pictures; of the named pages, or of all."""
    wanted = sys.argv[1:]
    # The sandbox is on this machine.
    os.environ["SYNCLINE_ALLOW_PRIVATE_ADDRESSES"] = "true"
    with (
        tempfile.TemporaryDirectory() as name,
        _sandbox() as clicktime,
        opened_browser() as browser,
    ):
        folder = Path(name)
        if not wanted or "welcome" in wanted:
            _take_welcome(folder / "empty", browser)
        filled(f"sqlite:///{folder / 'store.db'}", clicktime, name, existing=True)
        with served(folder) as site:
            state = str(folder / "admin.json")
            with window(browser, site) as context:
                page = context.new_page()
                page.goto("/sign-in")
                if not wanted:
                    _take(page, "sign-in", "light", 1280)
                enter(page, site)
                paths = {**PAGES, **_made(page)}
                paths = {k: v for k, v in paths.items() if not wanted or k in wanted}
                context.storage_state(path=state)
            for theme, width in _KINDS:
                with window(browser, site, theme=theme, width=width, state=state) as context:
                    page = context.new_page()
                    for title, path in paths.items():
                        page.goto(path)
                        _take(page, title, theme, width)


def _take_welcome(folder: Path, browser: Browser) -> None:
    """Take the first screen of a Syncline that was just installed."""
    folder.mkdir()
    with served(folder) as site:
        with window(browser, site) as context:
            enter(context.new_page(), site)
            context.storage_state(path=folder / "admin.json")
        for theme, width in _KINDS:
            state = str(folder / "admin.json")
            with window(browser, site, theme=theme, width=width, state=state) as context:
                page = context.new_page()
                page.goto("/")
                _take(page, "welcome", theme, width)


def _made(page: Page) -> dict[str, str]:
    """Run a job, and return the addresses of what came of it."""
    page.goto("/jobs/timesheets")
    task = page.get_by_role("link", name="Users", exact=True).get_attribute("href")
    mistaken = page.get_by_role("link", name="Mistaken", exact=True).get_attribute("href")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("button", name="Run Again")).to_be_visible(timeout=120_000)
    run = page.url
    page.goto("/jobs/allocations")
    mapped = page.get_by_role("link", name="plans", exact=True).get_attribute("href")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("button", name="Mend row").first).to_be_visible(timeout=120_000)
    return {
        "run": run, "task": task or "", "query": mistaken or "", "rejects": page.url,
        "mapping": f"{mapped}?tab=mapping",
    }  # fmt: skip


def _take(page: Page, title: str, theme: str, width: int) -> None:
    if title == "explorer":
        page.get_by_role("button", name="Run Query").click()
        expect(page.get_by_role("heading", name="Result")).to_be_visible()
    if title in _LATER:
        expect(page.get_by_text(_LATER[title]).first).to_be_visible()
    page.wait_for_load_state("networkidle")
    kind = "wide" if width > 1000 else "narrow"  # noqa: PLR2004 (a phone is narrower)
    page.screenshot(path=IMAGES / f"web-{title}-{theme}-{kind}.png")


@contextmanager
def _sandbox() -> Iterator[str]:
    command = [str(SYNCLINE), "sandbox", "--port", "0", "--rate-limit", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(  # noqa: S603 (our own program)
        command, stderr=subprocess.PIPE, text=True, env=environment
    )
    assert process.stderr is not None  # noqa: S101 (a pipe was asked for)
    try:
        found = next(m for line in process.stderr if (m := re.search(r"http://[\d.]+:\d+", line)))
        yield found[0]
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


if __name__ == "__main__":
    main()
