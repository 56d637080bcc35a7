"""Starts Syncline and a browser for tests of the pages."""

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from acceptance.processes import SYNCLINE

#: Long enough for a slow machine; nothing waits longer than it must.
PATIENCE = 20_000
#: Seconds: importing everything takes a while where other tests run beside.
_START = 90
#: What axe looks for.
_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}
PASSWORD = "correct horse battery staple"
_ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage",
)  # fmt: skip


def chromium() -> str:
    """Return Debian's Chromium, installed if that is possible; otherwise skip, but never in CI."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None and hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (("update",), ("install", "-y", "chromium")):
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(["apt-get", "-qq", *words], env=environment, check=False)
        found = shutil.which("chromium")
    if found is None and os.environ.get("CI"):
        pytest.fail("the pages must be tested here, and Chromium is not installed")
    if found is None:
        pytest.skip("Chromium is missing: sudo apt-get install chromium")
    return found


@contextmanager
def opened_browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_ARGUMENTS))
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A running Syncline."""

    url: str
    store: str
    folder: Path
    #: Of the first administrator; None: somebody has a password already.
    link: str | None
    #: Ends it, as Ctrl-C does.
    stop: Callable[[], None]


@contextmanager
def served(folder: Path, *, port: int = 0, fresh: bool = True) -> Iterator[Site]:
    """Start `syncline serve` on a store in a folder, as a user would.

    ``fresh``: nobody has a password yet.
    """
    store = f"sqlite:///{folder / 'store.db'}"
    command = [str(SYNCLINE), "serve", "--store", store, "--port", str(port)]
    said = folder / "said"
    with said.open("w") as file:
        process = subprocess.Popen(command, stderr=file, cwd=folder)
    try:
        url = _awaited(process, said, r"Syncline is at (\S+);")
        link = _awaited(process, said, r"(\S+/welcome/\S+)") if fresh else None
        yield Site(url=url, store=store, folder=folder, link=link, stop=lambda: _ended(process))
    finally:
        _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=60)


def _awaited(process: subprocess.Popen[bytes], said: Path, pattern: str) -> str:
    until = time.monotonic() + _START
    while time.monotonic() < until and process.poll() is None:
        if found := re.search(pattern, said.read_text("utf-8")):
            return found[1]
        time.sleep(0.05)
    pytest.fail(f"Syncline did not start:\n{said.read_text('utf-8')}")


def enter(page: Page, site: Site) -> None:
    """Set the first administrator's password, and sign in by that."""
    assert site.link is not None
    page.goto(site.link)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("The same again").fill(PASSWORD)
    page.get_by_role("button", name="Set Password and Sign In").click()
    expect(page.get_by_role("heading", name="Dashboard")).to_be_visible()


@contextmanager
def window(
    browser: Browser,
    site: Site,
    *,
    width: int = 1280,
    theme: str = "light",
    state: str | None = None,
) -> Iterator[BrowserContext]:
    """Open a window of a browser; errors of scripts fail the test."""
    context = browser.new_context(
        base_url=site.url,
        viewport={"width": width, "height": 844 if width < 500 else 800},
        color_scheme="dark" if theme == "dark" else "light",
        timezone_id="Europe/Berlin",
        storage_state=state,
    )
    context.set_default_timeout(PATIENCE)
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on(
        "console",
        lambda message: (
            problems.append(message.text)
            if message.type == "error" and "Content Security Policy" in message.text
            else None
        ),
    )
    yield context
    context.close()
    assert problems == []


def violations(page: Page) -> list[tuple[str, str]]:
    """Return what axe finds: rule and element, once what comes and goes with a page has."""
    # Editors get their names a moment after the page.
    expect(page.locator(".cm-content:not([aria-label])")).to_have_count(0)
    # The bar that says that something is being fetched, and menus that fade out.
    expect(page.get_by_role("progressbar")).to_have_count(0)
    expect(page.get_by_role("listbox")).to_have_count(0)
    found = Axe().run(page, options=_RULES).response["violations"]
    return [(rule["id"], node["html"][:300]) for rule in found for node in rule["nodes"]]
