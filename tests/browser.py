"""Chromium driven over its own protocol, through two pipes: no driver, no port, no network."""

from __future__ import annotations

import base64
import importlib.util
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"
# What a page says to the console, and what it asks for.
CONSOLE = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
REQUESTS = ("Network.requestWillBeSent", "Network.webSocketCreated")
# Milliseconds for the scripts of a page, which pass as fast as they can.
SCRIPTS_MILLISECONDS = 4_000
# What axe-core finds serious. It judges what is seen only, and takes its time over what is not, so that goes first; so
# do rules whose checks can find nothing serious, and, of points with a name each, those beyond the tenth that differ in
# nothing else. The page is of no other use after that.
SERIOUS = """(() => {
    const isSerious = impact => ['serious', 'critical'].includes(impact);
    const mayBeSerious = check => isSerious((axe._audit.data.checks[check.id || check] || {impact: 'serious'}).impact);
    const others = axe._audit.rules.filter(rule => !isSerious(rule.impact)
        && ![...rule.any, ...rule.all, ...rule.none].some(mayBeSerious));
    const rules = Object.fromEntries(others.map(rule => [rule.id, {enabled: false}]));
    document.querySelectorAll('.drawing').forEach(one => one.offsetWidth || one.remove());
    document.querySelectorAll('g').forEach(group => {
        const alike = {};
        for (const point of group.querySelectorAll(':scope > path[role="graphics-symbol"]:empty')) {
            const isKept = name => name.startsWith('aria-') && name !== 'aria-label';
            const kind = [...point.attributes].map(one => one.name + (isKept(one.name) ? one.value : ''));
            const hasName = (point.ariaLabel || '').trim() !== '';
            alike[kind] = (alike[kind] || 0) + hasName;
            if (hasName && alike[kind] > 10) point.remove();
        }
    });
    return axe.run(document, {resultTypes: ['violations'], rules}).then(found => found.violations
        .filter(one => isSerious(one.impact))
        .map(one => one.id + ': ' + one.nodes[0].html.slice(0, 200)));
})()"""
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def axe_source() -> str:
    """Return the script of axe-core, an accessibility checker."""
    found = importlib.util.find_spec("axe_core_python")
    if found is None or not found.submodule_search_locations:
        pytest.skip("axe-core is not installed; `make setup-all` installs it")
    (folder,) = found.submodule_search_locations
    return (Path(folder) / "axe.min.js").read_text(encoding="utf-8")


class Browser:
    """A headless Chromium with one page at a time; use it in a ``with``.

    Parameters
    ----------
    folder : Path
        For the profile of this browser alone.
    is_offline : bool, optional
        No name is looked up.
    """

    def __init__(self, folder: Path, *, is_offline: bool = False) -> None:
        assert CHROMIUM
        self.folder = folder
        self.flags = (*FLAGS, OFFLINE) if is_offline else FLAGS
        self.last = 0
        self.heard = b""
        self.session = self.target = ""
        self.events: list[dict[str, Any]] = []

    def __enter__(self) -> Browser:
        to_browser, from_browser = os.pipe(), os.pipe()
        self.profile = tempfile.mkdtemp(prefix="profile-", dir=self.folder)

        def at_their_places() -> None:
            # The protocol is spoken on the descriptors 3 and 4; neither may overwrite the other.
            reads, writes = os.dup(to_browser[0]), os.dup(from_browser[1])
            high = [os.dup2(reads, 60), os.dup2(writes, 61)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)
            os.close(60)
            os.close(61)

        self.process = subprocess.Popen(
            [
                str(CHROMIUM),
                *self.flags,
                f"--user-data-dir={self.profile}",
                "--remote-debugging-pipe",
            ],
            preexec_fn=at_their_places,
            close_fds=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser[0])
        os.close(from_browser[1])
        self.to_browser, self.from_browser = to_browser[1], from_browser[0]
        self.new_page()
        return self

    def new_page(self) -> None:
        """Go on with a page of its own instead of the one before."""
        before = self.target
        self.target = self._say("Target.createTarget", url="about:blank")["targetId"]
        attached = self._say("Target.attachToTarget", targetId=self.target, flatten=True)
        self.session = attached["sessionId"]
        if before:
            self._say("Target.closeTarget", targetId=before)
        self.events.clear()
        self.say("Page.enable")

    def __exit__(self, *_: object) -> None:
        os.close(self.to_browser)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.from_browser)
        shutil.rmtree(self.profile, ignore_errors=True)

    def say(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the page, and return its answer."""
        return self._say(method, session=self.session, **parameters)

    def _say(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self.last += 1
        message: dict[str, Any] = {"id": self.last, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._hear()
            if answer.get("id") == self.last:
                assert "error" not in answer, answer
                return answer["result"]
            self._keep(answer)

    def _hear(self) -> dict[str, Any]:
        while b"\0" not in self.heard:
            piece = os.read(self.from_browser, 1 << 16)
            assert piece, "Chromium has ended"
            self.heard += piece
        one, _, self.heard = self.heard.partition(b"\0")
        return json.loads(one)

    def _keep(self, message: dict[str, Any]) -> None:
        """Keep what this page says, for `read`."""
        if message.get("sessionId") == self.session:
            self.events.append(message)

    def read(self, address: str) -> tuple[str, list[str], list[str]]:
        """Open an address in a page of its own, and let its scripts run.

        Returns
        -------
        source : str
            The page as it is then.
        console : list of str
            What it has said there, errors above all.
        requests : list of str
            Addresses that it has asked for, but files and what it holds itself.
        """
        self.new_page()
        for domain in ("Runtime", "Log", "Network"):
            self.say(f"{domain}.enable")
        self.open(address)
        self.say("Emulation.setVirtualTimePolicy", policy="advance", budget=SCRIPTS_MILLISECONDS)
        while not any(
            event["method"] == "Emulation.virtualTimeBudgetExpired" for event in self.events
        ):
            self._keep(self._hear())
        source = self.run("document.documentElement.outerHTML")
        asked = {
            event["params"].get("url") or event["params"]["request"]["url"]
            for event in self.events
            if event["method"] in REQUESTS
        }
        return (
            source,
            [json.dumps(event["params"]) for event in self.events if event["method"] in CONSOLE],
            sorted(url for url in asked if not url.startswith(("file:", "data:", "blob:"))),
        )

    def open(self, address: str, *, width: int = 1280, height: int = 1600) -> None:
        """Open an address in a window of a width, and wait until it is loaded."""
        self.say(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        self.say("Page.navigate", url=address)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """Return the value of an expression of the page, or of its promise."""
        done = self.say(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def wait(self, condition: str, seconds: float = 60) -> None:
        """Wait until an expression of the page is true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"after {seconds} seconds: not {condition}"
            time.sleep(0.1)

    def click(self, x: float, y: float) -> None:
        """Click at a place of the page."""
        for kind in ("mousePressed", "mouseReleased"):
            self.say("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, path: Path) -> None:
        """Write a picture of the whole page."""
        done = self.say("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(done["data"]))
