"""Nobody unknown gets anything; signing in works once, in time, and not too often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from database.web.auth import PER_USER, PUBLIC
from database.web.realtime import HANDLERS


def addresses(app: Any) -> list[tuple[str, str, str]]:
    """Every (endpoint, method, path) the app answers, its converters filled in."""
    found = []
    with app.test_request_context():
        for rule in app.url_map.iter_rules():
            values = {}
            for name in rule.arguments:
                converter = rule._converters[name]
                kind = type(converter).__name__
                values[name] = (
                    1
                    if kind == "IntegerConverter"
                    else converter.regex[3:-1].split("|")[0]
                    if "Any" in kind
                    else "x"
                )
            path = app.url_map.bind("localhost").build(rule.endpoint, values, force_external=False)
            found += [(rule.endpoint, method, path) for method in (rule.methods or ()) - {"OPTIONS"}]
    return found


def test_the_unknown_get_nothing_from_any_address(lab: Any) -> None:
    tried = 0
    for endpoint, method, path in addresses(lab.app):
        if endpoint in PUBLIC:
            continue
        tried += 1
        answer = lab.app.test_client().open(path, method=method)
        where = f"{method} {path}"
        if answer.status_code == 302:
            assert answer.location.startswith("/login"), where
        else:
            assert answer.status_code == 401, where
    assert tried > 25


def test_the_unknown_do_not_learn_which_addresses_exist(lab: Any) -> None:
    client = lab.app.test_client()
    assert client.get("/api/nothing").status_code == 401
    assert client.get("/nothing").status_code == 302
    assert client.options("/api/scans").status_code == 401
    assert client.get("/api/scans").json == {
        "ok": False,
        "error": {"message": "Sign in, or send a token as Authorization: Bearer."},
    }


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}])
def test_the_unknown_have_no_socket(lab: Any, headers: dict[str, str]) -> None:
    assert not lab.socket(headers=headers).is_connected()


@pytest.mark.parametrize("event", sorted(HANDLERS))
def test_a_socket_whose_person_is_gone_gets_nothing(lab: Any, event: str) -> None:
    lab.scan()
    client = lab.browser("viewer")
    socket = lab.socket(client)
    lab.db.users.archive(lab.db.users.list()[0].id)
    given = {"scan_id": "S", "queue_id": "Q", "instrument_id": 1, "station": "bench", "epoch": "e1"}
    answer = socket.emit(event, given, callback=True)
    assert answer == {"ok": False, "error": "Sign in first."}
    lab.parts.updates.broadcast_data_point("S", "iv", {"v": 1.0})
    lab.parts.updates.tick()
    assert socket.get_received() == []


def test_sign_in_by_password(lab: Any, sign_in_with: Callable[..., Any]) -> None:
    lab.user("operator")
    client = lab.app.test_client()
    wrong = sign_in_with(client, username="operator-person", password="wrong")
    assert wrong.status_code == 401
    assert "Wrong name or password" in wrong.get_data(as_text=True)
    right = sign_in_with(
        client, username="operator-person", password="correct horse battery", next="/scans?x=1"
    )
    assert (right.status_code, right.location) == (303, "/scans?x=1")
    cookie = right.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Expires" in cookie
    assert client.get("/api/scans").status_code == 200


def test_a_code_signs_in_once_and_a_preview_does_not_burn_it(lab: Any, csrf: Callable[..., str]) -> None:
    code = lab.db.tokens.create_login_code(lab.db.users.ensure_local_operator().id)
    preview, first, second = (lab.app.test_client() for _ in range(3))
    for _ in range(2):
        assert code in preview.get(f"/login?code={code}").get_data(as_text=True)
    token = csrf(first, f"/login?code={code}")
    assert first.post("/login", data={"code": code, "csrf_token": token}).status_code == 303
    again = second.post("/login", data={"code": code, "csrf_token": csrf(second)})
    assert again.status_code == 401
    assert "used already" in again.get_data(as_text=True)
    assert first.get("/api/overview").status_code == 200


def test_an_old_code_is_refused(lab: Any, sign_in_with: Callable[..., Any]) -> None:
    code = lab.db.tokens.create_login_code(lab.db.users.ensure_local_operator().id, minutes=-1)
    assert sign_in_with(lab.app.test_client(), code=code).status_code == 401


def test_guessing_is_slowed_down(lab: Any, sign_in_with: Callable[..., Any]) -> None:
    lab.user("admin")
    client = lab.app.test_client()
    for _ in range(PER_USER):
        assert sign_in_with(client, username="admin-person", password="guess").status_code == 401
    refused = sign_in_with(client, username="Admin-Person", password="correct horse battery")
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "60"
    assert "Wait a minute" in refused.get_data(as_text=True)


def test_forms_and_cookie_json_need_a_csrf_token(lab: Any, csrf: Callable[..., str]) -> None:
    lab.queue()
    client = lab.browser()
    refused = client.post("/api/queue/Q/start")
    assert (refused.status_code, refused.json["error"]["field"]) == (400, "X-CSRFToken")
    assert client.post("/logout").status_code == 400
    token = csrf(client, "/queues")
    assert client.post("/api/queue/Q/start", headers={"X-CSRFToken": token}).status_code == 503
    assert lab.app.test_client().post("/login", data={"username": "x", "password": "y"}).status_code == 400


def test_a_bearer_needs_no_csrf_token_unless_a_cookie_comes_with_it(lab: Any) -> None:
    lab.queue()
    headers = lab.token("operate")
    assert lab.app.test_client().post("/api/queue/Q/start", headers=headers).status_code == 503
    assert lab.browser().post("/api/queue/Q/start", headers=headers).status_code == 400


def test_signing_out_ends_the_sockets_too(
    lab: Any, csrf: Callable[..., str], served: Any, wait_for: Any
) -> None:
    client = lab.browser()
    socket = lab.socket(client)
    assert socket.is_connected()
    gone = client.post("/logout", data={"csrf_token": csrf(client, "/scans")})
    assert gone.status_code == 303
    assert client.get("/api/scans").status_code == 401
    lab.parts.updates.broadcast_scan_status("S", "running")
    assert socket.get_received() == []


def test_the_session_survives_a_restart_of_the_server(lab: Any) -> None:
    from database.web.app import create_app

    client = lab.browser()
    cookie = client.get_cookie(lab.app.config["SESSION_COOKIE_NAME"])
    settings = lab.parts.settings
    again = create_app(
        {
            "TESTING": True,
            "DATABASE_URL": settings.database_url,
            "DATA_STORAGE_PATH": str(settings.storage),
            "SECRET_KEY": settings.secret_key,
        }
    )
    other = again.test_client()
    other.set_cookie(cookie.key, cookie.value)
    assert other.get("/api/scans").status_code == 200
    again.extensions["pybirch"].close()


@pytest.mark.parametrize(
    ("role", "read", "operate", "administer"),
    [("viewer", 200, 403, 403), ("operator", 200, 503, 403), ("admin", 200, 503, 200)],
)
def test_roles(
    lab: Any, csrf: Callable[..., str], role: str, read: int, operate: int, administer: int
) -> None:
    lab.queue()
    client = lab.browser(role)
    headers = {"X-CSRFToken": csrf(client, "/queues")}
    assert client.get("/api/queues").status_code == read
    assert client.post("/api/queue/Q/start", headers=headers).status_code == operate
    assert client.post("/api/link", headers=headers).status_code == administer


@pytest.mark.parametrize(
    ("scope", "read", "operate", "ingest"),
    [("read", 200, 403, 403), ("operate", 200, 503, 403), ("station", 200, 403, 200)],
)
def test_scopes(lab: Any, scope: str, read: int, operate: int, ingest: int) -> None:
    lab.queue()
    client, headers = lab.app.test_client(), lab.token(scope)
    frame = {"station": "bench", "epoch": "e1", "seq": 1, "store": False, "items": []}
    assert client.get("/api/queues", headers=headers).status_code == read
    assert client.post("/api/queue/Q/start", headers=headers).status_code == operate
    assert client.post("/api/ingest", headers=headers, json=frame).status_code == ingest


def test_a_revoked_token_opens_nothing(lab: Any) -> None:
    row, secret = lab.db.tokens.create("test", None, scopes=("read",))
    headers = {"Authorization": f"Bearer {secret}"}
    assert lab.app.test_client().get("/api/scans", headers=headers).status_code == 200
    lab.db.tokens.revoke(row.id)
    assert lab.app.test_client().get("/api/scans", headers=headers).status_code == 401


def test_headers_keep_pages_to_themselves(lab: Any) -> None:
    answer = lab.app.test_client().get("/login")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_name_that_is_not_ours_is_refused(lab: Any) -> None:
    client = lab.app.test_client()
    assert client.get("/login", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/login", headers={"Host": "127.0.0.1:5000"}).status_code == 200


def test_socket_io_is_gated_before_the_handshake(lab: Any) -> None:
    where = "/socket.io/?EIO=4&transport=polling"
    client = lab.app.test_client()
    assert client.get(where).status_code == 401
    assert client.get(where, headers={"Cookie": "session=forged"}).status_code == 401
    assert client.get(where, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get(where, headers=lab.token("read")).status_code == 200
    big = client.post(where, data=b"x" * (64 * 1024 + 1), headers=lab.token("read"))
    assert big.status_code == 413
    assert lab.browser("viewer").get(where).status_code == 200


def test_a_full_house_still_lets_stations_in(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.web.gate.MOST_SOCKETS", 1)
    monkeypatch.setattr("database.web.gate.RESERVED", 1)
    where = "/socket.io/?EIO=4&transport=polling"
    browser = lab.browser("viewer")
    assert browser.get(where).status_code == 200
    assert browser.get(where).status_code == 503
    client, headers = lab.app.test_client(), lab.token("read")
    assert client.get(where, headers=headers).status_code == 200
    assert client.get(where, headers=headers).status_code == 503
