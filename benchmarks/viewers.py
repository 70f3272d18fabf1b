"""``python viewers.py URL TOKEN SCAN COUNT``: so many Socket.IO clients that follow a scan until killed."""

from __future__ import annotations

import sys
import threading

import socketio


def main() -> None:
    url, token, scan_id, count = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    clients = []
    for _ in range(count):
        client = socketio.Client(reconnection=False)
        client.connect(url, headers={"Authorization": f"Bearer {token}"}, transports=["websocket"])
        answer = client.call("subscribe_scan", {"scan_id": scan_id, "blocks": True})
        assert answer["ok"], answer
        clients.append(client)
    print("all there", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
