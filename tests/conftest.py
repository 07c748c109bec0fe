"""The real demo, for the tests that look at the whole."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import settings

REAL_START_SECONDS = 600

# No example has a time limit of its own: the machine may be busy. In CI the examples are the same in every run.
settings.register_profile("any", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "any")


@pytest.fixture(scope="session")
def real_demo(tmp_path_factory):
    """Return ``url`` and ``home`` of a real demo: that of PALATE_DEMO_URL and PALATE_HOME, or one started on a new home."""
    if given := os.environ.get("PALATE_DEMO_URL"):
        yield SimpleNamespace(url=given.rstrip("/"), home=Path(os.environ["PALATE_HOME"]))
        return
    home = tmp_path_factory.mktemp("demo") / "home"
    log = home.with_suffix(".log")
    command = [sys.executable, "-c", "from api.cli import main; main()", "demo", "--port", "0"]
    environment = {**os.environ, "PALATE_HOME": str(home)}
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output, env=environment) as server:
        try:
            yield SimpleNamespace(url=_address(server, home, log), home=home)
        finally:
            server.terminate()


def _address(server, home, log):
    end = time.monotonic() + REAL_START_SECONDS
    while time.monotonic() < end and server.poll() is None:
        record = home / "owner.json"
        url = json.loads(record.read_text()).get("url") if record.exists() else None
        if url and _ready(url):
            return url
        time.sleep(0.5)
    pytest.fail(f"'palate demo' did not come up:\n{log.read_text(errors='replace')[-3000:]}")


def _ready(url):
    try:
        return httpx.get(f"{url}/readyz", timeout=30).status_code == 200
    except httpx.HTTPError:
        return False
