"""`python -m GUI`: a window on the server of this folder."""

from __future__ import annotations

import argparse
import signal


def main() -> int:
    """Show the window until it is closed; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m GUI", description="PyBirch in a window.")
    parser.add_argument("--url", help="server to show; without it, the one that runs for this folder")
    parser.add_argument("--token", help="token for --url")
    chosen = parser.parse_args()
    from qtpy.QtCore import QTimer

    from GUI.main.main_window import MainWindow

    window = MainWindow(server_url=chosen.url, token=chosen.token)
    signal.signal(signal.SIGINT, lambda *_: window.close())
    heartbeat = QTimer(window)  # lets Python see Ctrl-C while Qt waits
    heartbeat.timeout.connect(lambda: None)
    heartbeat.start(250)
    return window.run()


if __name__ == "__main__":
    raise SystemExit(main())
