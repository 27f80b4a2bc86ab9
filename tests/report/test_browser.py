"""The page in Chromium: it asks for nothing, complains of nothing and fits a narrow window."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.report.sample import HOSTILE, sample

pytestmark = pytest.mark.slow
QUIET = (
    "--headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update"
    " --disable-sync --enable-logging=stderr --dump-dom"
).split()


def browse(page: Path, *flags: str) -> tuple[str, list[str], list[str]]:
    """Open a page: the document as it ended up, what the page asked for, and what the console said."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("Chromium is not installed, so no page can be opened")
    log, profile = page.with_suffix(".netlog"), page.with_suffix(".profile")
    # No name resolves, so the browser's own housekeeping stays inside too.
    inside = ["--host-resolver-rules=MAP * ~NOTFOUND", f"--log-net-log={log}", f"--user-data-dir={profile}"]
    command = [chromium, *QUIET, *inside, *flags, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout, asked(json.loads(log.read_text(encoding="utf-8"))), re.findall("CONSOLE.*", done.stderr)


def asked(log: dict[str, dict[str, dict[str, int]]] | dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """Addresses that the page asked for; what the browser asks for itself has no origin."""
    events = [event.get("params", {}) for event in log["events"]]  # type: ignore[union-attr]
    return [event["url"] for event in events if event.get("initiator", "not an origin") != "not an origin"]


@pytest.mark.parametrize("scheme", [0, 1], ids=["dark", "light"])
@pytest.mark.parametrize("name", ["benign", HOSTILE], ids=["plain", "hostile"])
def test_the_page_asks_for_nothing_and_runs_nothing(tmp_path: Path, name: str, scheme: int) -> None:
    page = sample(name).write(tmp_path / "report.html")
    document, requests, console = browse(page, f"--blink-settings=preferredColorScheme={scheme}")
    assert not requests
    assert not console
    assert document.count("<svg") == 13
    assert "<script" not in document


def test_a_page_that_asks_would_be_seen(tmp_path: Path) -> None:
    page = tmp_path / "asks.html"
    page.write_text('<img src="http://127.0.0.1:9/x.png"><script>console.log("said")</script>', encoding="utf-8")
    _, requests, console = browse(page)
    assert requests == ["http://127.0.0.1:9/x.png"]
    assert "said" in console[0]


def test_the_policy_stops_what_slips_through(tmp_path: Path) -> None:
    slipped = '<script>document.title = "ran"</script><img src="http://127.0.0.1:9/x.png"></main>'
    page = tmp_path / "slipped.html"
    page.write_text(sample().html().replace("</main>", slipped), encoding="utf-8")
    document, requests, _ = browse(page)
    assert not requests
    assert "<title>ran</title>" not in document


@pytest.mark.parametrize("width", [500, 1100])
def test_the_page_is_no_wider_than_its_window(tmp_path: Path, width: int) -> None:
    measure = "<script>document.title = document.documentElement.scrollWidth</script></body>"
    page = tmp_path / "measured.html"
    open_page = re.sub("<meta http-equiv[^>]*>", "", sample("a name as long as names of columns are").html())
    page.write_text(open_page.replace("</body>", measure), encoding="utf-8")
    document, _, _ = browse(page, f"--window-size={width},900")
    found = re.search(r"<title>(\d+)</title>", document)
    assert found
    assert int(found[1]) <= width
