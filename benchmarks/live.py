"""From measured to seen: how old a reading is when the browser's script has it.

A whole laboratory (supervisor, server, station) runs as processes; a headless Chromium and some
Socket.IO clients watch. Ages are the difference between a reading's own time and the clock of the
page that receives it, on one machine. ``python benchmarks/live.py [--quick]``
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import requests

ROOT = Path(__file__).resolve().parents[1]

COLLECT = """() => {
  window.ages = [];
  window.pybirch.realtime.onDataBlock((block) => {
    const now = Date.now() / 1000;
    const times = block.columns.find((column) => column.role === "time");
    if (Array.isArray(times.values)) for (const time of times.values) window.ages.push(now - time);
    else window.ages.push(now - times.offset);
  });
}"""


def bare_loop(points: int = 200_000) -> float:
    """µs per turn of a plain Python loop over this benchmark's own instruments."""
    from live_lab import fast_axis, fast_meter

    move, read = fast_axis.move_to, fast_meter.perform_measurement
    began = time.perf_counter()
    for target in np.linspace(0, 1, points).tolist():
        move(target)
        read()
    return (time.perf_counter() - began) / points * 1e6


def wait(fact: Callable[[], Any], seconds: float, what: str) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            found = fact()
        except (OSError, ValueError, KeyError, requests.RequestException):
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise SystemExit(f"not within {seconds} s: {what}")


class Laboratory:
    """`run_web.py` with the benchmark's lab, in a folder of its own."""

    def __init__(self, folder: Path, **points: int) -> None:
        environment = {k: v for k, v in os.environ.items() if k not in ("DATABASE_URL", "DATA_STORAGE_PATH")}
        environment |= {f"LIVE_{name.upper()}_POINTS": str(n) for name, n in points.items()}
        self._folder = folder
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "run_web.py"),
                "--port",
                "0",
                "--lab",
                str(ROOT / "benchmarks/live_lab.py"),
            ],
            cwd=folder,
            env=environment | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait(
            lambda: any(s["state"] == "live" for s in self.get("/api/overview")["stations"]),
            40,
            "the lab is up",
        )

    @property
    def server(self) -> dict[str, Any]:
        return json.loads((self._folder / "data/run/server.json").read_text())

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.server['token']}"}

    def get(self, path: str) -> Any:
        return requests.get(self.server["url"] + path, headers=self.headers, timeout=20).json()

    def post(self, path: str) -> Any:
        return requests.post(self.server["url"] + path, json={}, headers=self.headers, timeout=20).json()

    def scan(self, queue: str) -> dict[str, Any]:
        return self.get(f"/api/queue/{queue}")["scans"][0]

    def ended(self, queue: str) -> bool:
        return self.scan(queue)["status"] in ("completed", "failed")

    def close(self) -> None:
        self._process.send_signal(signal.SIGINT)
        self._process.wait(15)


def percentiles(ages: list[float]) -> str:
    values = np.percentile(np.array(ages) * 1e3, [50, 95, 99])
    return f"{values[0]:8.1f} {values[1]:8.1f} {values[2]:8.1f}   {len(ages)} readings"


def browser_path() -> str:
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        raise SystemExit("no Chromium found: apt install chromium, or set CHROMIUM to its path")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer points")
    quick = parser.parse_args().quick
    from playwright.sync_api import sync_playwright

    points = {"slow": 60 if quick else 200, "fast": 100_000 if quick else 1_000_000}
    print(f"bare loop here: {bare_loop():.2f} µs a turn")
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        lab = Laboratory(Path(name), **points)
        browser = playwright.chromium.launch(
            executable_path=browser_path(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        try:
            page = browser.new_page()
            page.goto(lab.post("/api/link")["url"])
            page.click("button[type=submit]")
            print("age of a reading when the page has it, ms      p50      p95      p99")
            for queue, label in (("slow", "20 readings a second"), ("fast", "as fast as the engine goes")):
                scan = lab.scan(queue)
                page.goto(f"{lab.server['url']}/scans/{scan['scan_id']}")
                page.wait_for_selector(".connection-status.connected")
                page.evaluate(COLLECT)
                lab.post(f"/api/queue/{queue}/start")
                wait(lambda q=queue: lab.ended(q), 120, f"{queue} ends")
                page.wait_for_function(f"window.pybirch.scan.points('{queue}') >= 1")
                page.wait_for_timeout(300)
                print(f"  {label:40} {percentiles(page.evaluate('window.ages'))}")
            done = lab.scan("fast")
            seconds = _seconds(done["started_at"], done["finished_at"])
            per_point = seconds / max(1, done["points_done"]) * 1e6
            print(
                f"recorded in SQLite, shown in one browser: {done['points_done']} points in {seconds:.2f} s, "
                f"{per_point:.2f} µs a point, {per_point / bare_loop():.1f} x bare ({done['status']})"
            )
        finally:
            browser.close()
            lab.close()


def _seconds(start: str, end: str) -> float:
    from datetime import datetime

    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


if __name__ == "__main__":
    main()
