"""Signing in and out, and the rule that nobody unknown gets anything."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from urllib.parse import urlsplit

from apiflask import APIBlueprint, APIFlask
from flask import current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, login_user, logout_user
from flask_wtf.csrf import CSRFProtect
from werkzeug.exceptions import Unauthorized

from database.models import User
from database.web.attempts import Attempts
from database.web.identity import (
    SIGN_IN,
    Identity,
    bearer_identity,
    bearer_of,
    known,
    tell_known,
    user_identity,
)
from database.web.lab_folder import link_command
from database.web.services import services
from database.web.sockets import disconnect_room

PUBLIC = frozenset({"auth.sign_in_page", "auth.sign_in", "static"})
"""Endpoints that answer the unknown; everything else asks who it is first."""
REMEMBERED = timedelta(days=30)

bp = APIBlueprint("auth", __name__, enable_openapi=False)
csrf = CSRFProtect()


def init_auth(app: APIFlask) -> None:
    """Cookies, Flask-Login, CSRF and the gate before every view."""
    label = hashlib.sha256(str(app.secret_key).encode()).hexdigest()[:8]
    app.config.update(
        SESSION_COOKIE_NAME=f"pybirch_{label}",  # browsers share cookies between the ports of one host
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,  # a late answer must not bring a signed-out session back
        PERMANENT_SESSION_LIFETIME=REMEMBERED,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.extensions["sign_in_attempts"] = Attempts()
    csrf.init_app(app)
    manager = LoginManager(app)
    manager.user_loader(user_identity)
    manager.request_loader(bearer_identity)
    app.before_request(refuse_the_unknown)
    app.before_request(check_csrf)
    app.register_blueprint(bp)


def refuse_the_unknown() -> ResponseReturnValue | None:
    """Only `PUBLIC` endpoints answer who is not known; addresses that do not exist, neither."""
    if request.endpoint in PUBLIC:
        return None
    if known() is not None:
        tell_known(request.environ)
        return None
    if request.path.startswith("/api") or request.method not in ("GET", "HEAD"):
        raise Unauthorized("Sign in, or send a token as Authorization: Bearer.")
    return redirect(url_for("auth.sign_in_page", next=request.full_path.rstrip("?")))


def check_csrf() -> None:
    """Whatever changes something needs the page's token, unless no cookie can be the reason it is allowed."""
    cookieless = "Cookie" not in request.headers and bearer_of(request.headers.get("Authorization", ""))
    if request.method not in ("GET", "HEAD", "OPTIONS", "TRACE") and not cookieless:
        csrf.protect()


@bp.get("/login")
def sign_in_page() -> ResponseReturnValue:
    """The form; with `?code=…` one button that posts the code, so that a link's preview does not burn it."""
    code = request.args.get("code", "")
    if known() is not None and not code:
        return redirect(local_target(request.args.get("next")))
    return _form(code=code)


@bp.post("/login")
def sign_in() -> ResponseReturnValue:
    """By a one-time code, or by name and password."""
    code = request.form.get("code", "")
    row = _who(code)
    key = None if row is None else services().db.sign_ins.begin(row)
    if row is None or key is None:
        wrong = (
            "This link was used already or is too old. Ask for a new one."
            if code
            else "Wrong name or password."
        )
        return _form(error=wrong), 401
    session.clear()
    session.permanent = True
    session[SIGN_IN] = key
    services().audit.note(row, "sign_in")
    login_user(Identity(row, "user"))
    return redirect(local_target(request.form.get("next")), code=303)


@bp.post("/logout")
def sign_out() -> ResponseReturnValue:
    """Ends this browser's session, any copy of its cookie, and the sockets that were opened with it."""
    identity = known()
    if identity is not None:
        services().audit.note(identity, "sign_out")
    services().db.sign_ins.end(session.get(SIGN_IN, ""))
    logout_user()
    session.clear()
    if identity is not None:
        disconnect_identity(identity.rooms[-1])
    return redirect(url_for("auth.sign_in_page"), code=303)


def disconnect_identity(room: str) -> None:
    """Cut off every socket in one of `Identity.rooms`, after sign-out, a new role, a revocation."""
    disconnect_room(services().sockets, room)


def local_target(address: str | None) -> str:
    """`address` if it is a page of this server, else the dashboard."""
    address = (address or "").strip()
    parts = urlsplit(address)
    if not address.startswith("/") or address.startswith("//") or parts.netloc or parts.scheme:
        return "/"
    if "\\" in address or any(ord(c) < 32 for c in address) or parts.path in ("/login", "/logout"):
        return "/"
    return address


def _form(code: str = "", error: str = "") -> str:
    target = local_target(request.values.get("next"))
    target = target if target != "/" else ""
    command = link_command(request, services().settings.storage)
    return render_template("login.html", code=code, error=error, next=target, link_command=command)


def _who(code: str) -> User | None:
    """Whom the form's code, or name and password, belong to."""
    attempts: Attempts = current_app.extensions["sign_in_attempts"]
    db, address = services().db, request.remote_addr or ""
    if code:
        return attempts.by_code(address, lambda: db.tokens.redeem_login_code(code))
    username, password = request.form.get("username", "").strip(), request.form.get("password", "")
    return attempts.by_password(address, username, lambda: db.users.verify(username, password))
