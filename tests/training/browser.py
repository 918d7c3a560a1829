"""Headless Chromium over the W3C WebDriver protocol, on loopback."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60
"""How long a page may take to show what is expected of it."""

RELOAD_SECONDS = 15

REQUIRE = "SESREC_TF_REQUIRE_BROWSER"
"""Environment variable: at 1, a test without its browser fails instead of being skipped."""

_PROGRAMS = ("chromium", "chromedriver")

_FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
)

# TensorBoard's pages are web components: their text is behind shadow roots and in frames.
_TEXT = """
const texts = [];
const visit = (node) => {
  if (node.nodeType === Node.TEXT_NODE) texts.push(node.textContent.trim());
  if (node.nodeName === 'STYLE' || node.nodeName === 'SCRIPT') return;
  if (node.shadowRoot) visit(node.shadowRoot);
  if (node.nodeName === 'IFRAME' && node.contentDocument) visit(node.contentDocument);
  node.childNodes.forEach(visit);
};
visit(document);
return texts.filter((text) => text).join('\\n');
"""


class Browser:
    """One window.

    Args:
        profile: an empty directory for Chromium's own files.
    """

    def __init__(self, profile: Path) -> None:
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._driver = subprocess.Popen(
            [_program("chromedriver"), "--port=0"], stdout=subprocess.PIPE, text=True
        )
        self._session = ""
        try:
            self._url = f"http://127.0.0.1:{self._port()}"
            self._session = self._start(profile)
        except BaseException:
            self.close()
            raise

    def _port(self) -> str:
        assert self._driver.stdout is not None
        for line in self._driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return found[1]
        raise RuntimeError("chromedriver ended before it was ready")

    def _start(self, profile: Path) -> str:
        flags = [*_FLAGS, f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        options = {"binary": _program("chromium"), "args": flags}
        capabilities = {"browserName": "chrome", "goog:chromeOptions": options}
        answer = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
        return f"/session/{answer['sessionId']}"

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, method=method)
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from error

    def open(self, url: str) -> None:
        """Loads a page from nothing, even if only its fragment differs from the present one."""
        for each in ("about:blank", url):
            self._call("POST", f"{self._session}/url", {"url": each})

    def text(self) -> str:
        """Every text of the page's DOM, one a line."""
        return self._call("POST", f"{self._session}/execute/sync", {"script": _TEXT, "args": []})

    def open_until(self, url: str, expected: Sequence[str]) -> str:
        """The text of a page as soon as all that is expected stands there, or when time is up.

        The page is loaded anew now and then: TensorBoard finds out while it is being looked at
        which of its pages have something to show.
        """
        deadline = time.monotonic() + SECONDS
        while True:
            self.open(url)
            reload = time.monotonic() + RELOAD_SECONDS
            while time.monotonic() < min(reload, deadline):
                text = self.text()
                if all(shows(text, each) for each in expected):
                    return text
                time.sleep(0.3)
            if time.monotonic() >= deadline:
                return self.text()

    def screenshot(self, file: Path) -> None:
        """Writes a PNG of the window."""
        file.write_bytes(base64.b64decode(self._call("GET", f"{self._session}/screenshot")))

    def close(self) -> None:
        """Ends the browser and its driver."""
        try:
            if self._session:
                self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait()


def shows(text: str, expected: str) -> bool:
    """Whether a page's text has `expected` as a line, or as lines in a row."""
    return f"\n{expected}\n" in f"\n{text}\n"


def require_browser() -> None:
    """Skips the test where the programs are absent, or fails it if `REQUIRE` is set to 1."""
    absent = [name for name in _PROGRAMS if shutil.which(name) is None]
    if not absent:
        return
    message = (
        f"{' and '.join(absent)} not installed (Debian: apt-get install chromium chromium-driver)"
    )
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(f"{message}, and {REQUIRE} is 1")
    pytest.skip(message)


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed"
    return found
