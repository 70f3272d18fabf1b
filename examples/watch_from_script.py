"""A script's own queue, recorded by a running server, watched and commanded from the browser.

Beside `make demo` on the same computer and in the same folder it needs no arguments:

    python examples/watch_from_script.py

For a server elsewhere give its address, and a token (`pybirch token create my-script`) in PYBIRCH_TOKEN:

    PYBIRCH_TOKEN=… python examples/watch_from_script.py http://lab.example:5000
"""

import os
import sys

from pybirch import MeasurementItem, MovementItem, Queue, Scan, ScanSettings
from pybirch.database_integration import setup_websocket_integration
from pybirch.errors import PyBirchError
from pybirch.instruments.simulated import FakeLockin, FakePiezo
from pybirch.scan.positions import linear


def main(server_url: str | None = None, token: str | None = None) -> None:
    piezo = FakePiezo("piezo", limits=(0.0, 20.0))
    lockin = FakeLockin("lockin", delay=0.05)
    tree = [MovementItem(piezo, linear(0.0, 20.0, 101), children=[MeasurementItem(lockin)])]
    scan = Scan(ScanSettings("Tutorial", "From a script", "line", "example", tree), owner="script")

    queue = Queue("from-a-script", [scan])
    bridge = setup_websocket_integration(queue, server_url=server_url, token=token)
    try:
        queue.start()
        queue.wait_for_completion()
    finally:
        bridge.unregister()
    print(f"{scan.scan_id}: {scan.state}, {scan.points_done} readings")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:2], token=os.environ.get("PYBIRCH_TOKEN"))
    except PyBirchError as error:
        sys.exit(f"error: {error}")
