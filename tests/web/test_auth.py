"""Nobody unknown gets anything; signing in works once, in time, and not too often."""

from __future__ import annotations

import html
import re
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from werkzeug.exceptions import TooManyRequests

from database.web.attempts import AT_ONCE, CODES_PER_ADDRESS, PER_ADDRESS, PER_USER, Attempts
from database.web.auth import PUBLIC
from database.web.places import Place, Places
from database.web.realtime import HANDLERS
from tests.conftest import until
from tests.lab import Doorway

HANDSHAKE = "/socket.io/?EIO=4&transport=polling"


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


def test_guesses_made_all_at_once_count_one_by_one(lab: Any) -> None:
    attempts, looked, door = Attempts(), [], Doorway()

    def check() -> None:
        looked.append(1)
        door.pass_through()

    def guess() -> None:
        with suppress(TooManyRequests):
            attempts.by_password("10.0.0.9", "Admin", check)

    threads = [threading.Thread(target=guess) for _ in range(3 * PER_USER)]
    for thread in threads:
        thread.start()
    until(lambda: len(looked) == AT_ONCE)
    door.open()
    for thread in threads:
        thread.join(5)
    assert len(looked) == PER_USER


def test_who_guesses_elsewhere_locks_nobody_out(lab: Any) -> None:
    attempts = Attempts()
    for n in range(PER_ADDRESS):
        attempts.by_password("10.0.0.9", "admin" if n < PER_USER else f"user{n}", lambda: None)
    with pytest.raises(TooManyRequests):
        attempts.by_password("10.0.0.9", "third", lambda: "right")
    assert attempts.by_password("10.0.0.7", "admin", lambda: "right") == "right"
    assert attempts.by_code("10.0.0.9", lambda: "right") == "right", "a code is no guess"


def test_wrong_codes_are_counted_and_keep_no_right_one_out(lab: Any) -> None:
    attempts = Attempts()
    for _ in range(CODES_PER_ADDRESS):
        assert attempts.by_code("10.0.0.9", lambda: None) is None
    with pytest.raises(TooManyRequests):
        attempts.by_code("10.0.0.9", lambda: None)
    assert attempts.by_code("10.0.0.9", lambda: "right") == "right"


def test_a_name_too_long_to_be_one_is_neither_looked_up_nor_kept(
    lab: Any, sign_in_with: Callable[..., Any]
) -> None:
    client = lab.app.test_client()
    tried = [sign_in_with(client, username="x" * 256, password="p") for _ in range(PER_USER + 1)]
    assert {answer.status_code for answer in tried} == {401}
    assert "Wrong name or password" in tried[0].get_data(as_text=True)
    attempts: Attempts = lab.app.extensions["sign_in_attempts"]
    assert not attempts._users._attempts


def test_names_are_kept_by_keys_of_one_length() -> None:
    attempts = Attempts()
    for name in ("a", "b" * 255, "\ud800"):
        attempts.by_password("10.0.0.9", name, lambda: None)
    assert {len(key) for key in attempts._users._attempts} == {64}


def test_a_right_one_forgives_the_slips_before_it(lab: Any) -> None:
    attempts = Attempts()
    for _ in range(3):
        for _ in range(PER_USER - 1):
            attempts.by_password("10.0.0.9", "admin", lambda: None)
        assert attempts.by_password("10.0.0.9", "admin", lambda: "right") == "right"


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


def copied(lab: Any, client: Any) -> Any:
    """Another browser with the same cookie."""
    cookie = client.get_cookie(lab.app.config["SESSION_COOKIE_NAME"])
    thief = lab.app.test_client()
    thief.set_cookie(cookie.key, cookie.value)
    return thief


def test_signing_out_ends_this_browser_and_every_copy_of_its_cookie(
    lab: Any, csrf: Callable[..., str], sign_in_with: Callable[..., Any]
) -> None:
    here, elsewhere = lab.browser(), lab.app.test_client()
    sign_in_with(elsewhere, username="operator-person", password="correct horse battery")
    thief = copied(lab, here)
    sockets = [lab.socket(client) for client in (here, elsewhere)]
    assert thief.get("/api/scans").status_code == 200
    here.post("/logout", data={"csrf_token": csrf(here, "/scans")})
    assert [client.get("/api/scans").status_code for client in (here, thief, elsewhere)] == [401, 401, 200]
    lab.parts.updates.broadcast_scan_status("S", "running")
    assert sockets[0].get_received() == []
    assert [heard["name"] for heard in sockets[1].get_received()] == ["scan_status"]


def test_a_new_password_signs_out_everywhere(lab: Any) -> None:
    client = lab.browser()
    lab.db.users.set_password("operator-person", "another good phrase")
    assert client.get("/api/scans").status_code == 401
    assert lab.db.sign_ins.count() == 0


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


def shown_command(lab: Any, address: str = "127.0.0.1", **headers: str) -> str:
    """What the sign-in page has somebody type."""
    answer = lab.app.test_client().get("/login", headers=headers, environ_base={"REMOTE_ADDR": address})
    found = re.search(r'<pre class="code">(.*?)</pre>', answer.get_data(as_text=True))
    assert found
    return html.unescape(found[1])


def test_the_sign_in_page_names_the_labs_folder_on_its_own_machine(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program = tmp_path / ".venv" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.with_name("pybirch").touch()
    monkeypatch.setattr(sys, "executable", str(program))
    assert shown_command(lab) == f"cd {tmp_path} && .venv/bin/pybirch link"
    assert shown_command(lab, "::1") == f"cd {tmp_path} && .venv/bin/pybirch link"

    monkeypatch.chdir(program.parent)
    assert shown_command(lab) == "pybirch link", "its data is not kept there"


def test_nobody_elsewhere_learns_the_labs_folder(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert shown_command(lab, "10.0.0.7") == "pybirch link"
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        assert shown_command(lab, **{header: "10.0.0.7"}) == "pybirch link", "a proxy on this machine"
    lab.app.wsgi_app._allowed_hosts = None  # as with HOST=0.0.0.0
    assert shown_command(lab, Host="lab.example") == "pybirch link"


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
    monkeypatch.setattr("database.web.places.MOST_SOCKETS", 1)
    monkeypatch.setattr("database.web.places.RESERVED", 2)
    monkeypatch.setattr("database.web.places.KEPT", 0)
    browser = lab.browser("viewer")
    assert browser.get(HANDSHAKE).status_code == 200
    assert browser.get(HANDSHAKE).status_code == 503
    client, headers = lab.app.test_client(), lab.token("read")
    assert client.get(HANDSHAKE, headers=headers).status_code == 200
    assert client.get(f"{HANDSHAKE}&xsid=1", headers=headers).status_code == 503
    station = lab.token("station")
    assert client.get(HANDSHAKE, headers=station).status_code == 200
    assert client.get(HANDSHAKE, headers=station).status_code == 503


def test_one_browser_does_not_take_all_places(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.web.places.MOST_PER_IDENTITY", 2)
    greedy, other = lab.browser("viewer"), lab.browser("operator")
    assert [greedy.get(HANDSHAKE).status_code for _ in range(3)] == [200, 200, 503]
    assert other.get(HANDSHAKE).status_code == 200


def test_one_person_in_many_browsers_does_not_take_all_places(
    lab: Any, monkeypatch: pytest.MonkeyPatch, sign_in_with: Callable[..., Any]
) -> None:
    monkeypatch.setattr("database.web.places.MOST_PER_PERSON", 2)
    who = lab.user("viewer")
    browsers = [lab.app.test_client() for _ in range(3)]
    for browser in browsers:
        sign_in_with(browser, username="viewer-person", password="correct horse battery")
    assert [browser.get(HANDSHAKE).status_code for browser in browsers] == [200, 200, 503]
    _, secret = lab.db.tokens.create("theirs", who.id, scopes=("read",))
    theirs = {"Authorization": f"Bearer {secret}"}
    assert lab.app.test_client().get(HANDSHAKE, headers=theirs).status_code == 503


def test_viewers_leave_places_to_those_who_operate(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.web.places.MOST_SOCKETS", 2)
    monkeypatch.setattr("database.web.places.KEPT", 1)
    viewer, operator = lab.browser("viewer"), lab.browser("operator")
    assert [viewer.get(HANDSHAKE).status_code for _ in range(2)] == [200, 503]
    assert [operator.get(HANDSHAKE).status_code for _ in range(2)] == [200, 503]


def test_who_comes_many_times_at_once_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("database.web.places.MOST_PER_IDENTITY", 2)
    places = Places(lambda: ())
    coming = [Place("token_1", "token_1") for _ in range(3)]
    assert [bool(places.enter(place)) for place in coming] == [False, False, True]
    places.leave(coming[0])
    assert not places.enter(coming[2])
