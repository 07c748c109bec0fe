"""Chromium, and the two servers that the page is looked at on: canned answers, and the real demo."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHROMIUM_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def chromium():
    """Return where Chromium is, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


# Not for the session: while Playwright runs, its event loop keeps other tests in this process from running theirs.
@pytest.fixture(scope="module")
def browser():
    executable = chromium()
    if executable is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium).")
    playwright = pytest.importorskip("playwright.sync_api", reason="The package 'playwright' is not installed (extra 'dev').")
    with playwright.sync_playwright() as running:
        launched = running.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def mock_url():
    command = [sys.executable, str(Path(__file__).with_name("mock_server.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield json.loads(server.stdout.readline())["url"]
        finally:
            server.terminate()


@pytest.fixture(scope="session")
def real_url(real_demo):
    """Return the address of the real demo."""
    return real_demo.url


@pytest.fixture
def page(browser):
    """Return a page that must end without errors in its console; tests empty ``page.complaints`` where they expect some."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en-GB", color_scheme="light")
    opened = context.new_page()
    opened.complaints = []
    opened.hosts = set()
    opened.on("pageerror", lambda error: opened.complaints.append(str(error)))
    opened.on("console", lambda message: opened.complaints.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda request: opened.hosts.add(request.url.split("/")[2]))
    yield opened
    context.close()
    assert opened.complaints == []
