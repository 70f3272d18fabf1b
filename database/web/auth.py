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
from werkzeug.exceptions import TooManyRequests, Unauthorized

from database.web.identity import Identity, bearer_identity, bearer_of, known, user_identity
from database.web.limits import RateLimit
from database.web.services import services
from database.web.sockets import disconnect_room

PUBLIC = frozenset({"auth.sign_in_page", "auth.sign_in", "static"})
"""Endpoints that answer the unknown; everything else asks who it is first."""
REMEMBERED = timedelta(days=30)
PER_ADDRESS, PER_USER = 20, 6
TOO_MANY = "Too many attempts. Wait a minute, then try again."

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
    app.extensions["login_limits"] = (RateLimit(PER_ADDRESS), RateLimit(PER_USER))
    csrf.init_app(app)
    manager = LoginManager(app)
    manager.user_loader(user_identity)
    manager.request_loader(bearer_identity)
    app.before_request(refuse_the_unknown)
    app.before_request(check_csrf)
    app.register_blueprint(bp)


def refuse_the_unknown() -> ResponseReturnValue | None:
    """Only `PUBLIC` endpoints answer who is not known; addresses that do not exist, neither."""
    if request.endpoint in PUBLIC or known() is not None:
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
    by_address, by_user = _limits()
    address, username = request.remote_addr or "", request.form.get("username", "").strip()
    if not by_address.allows(address) or (username and not by_user.allows(username.lower())):
        raise TooManyRequests(TOO_MANY)
    code = request.form.get("code", "")
    users, tokens = services().db.users, services().db.tokens
    row = tokens.redeem_login_code(code) if code else users.verify(username, request.form.get("password", ""))
    if row is None:
        by_address.failed(address)
        if username:
            by_user.failed(username.lower())
        wrong = (
            "This link was used already or is too old. Ask for a new one."
            if code
            else "Wrong name or password."
        )
        return _form(error=wrong), 401
    by_user.succeeded(username.lower())
    session.clear()
    session.permanent = True
    services().db.audit.add(row, "sign_in")
    login_user(Identity(row, "user"))
    return redirect(local_target(request.form.get("next")), code=303)


@bp.post("/logout")
def sign_out() -> ResponseReturnValue:
    """Ends the session, and the sockets that were opened with it."""
    identity = known()
    logout_user()
    session.clear()
    if identity is not None:
        disconnect_identity(identity.room)
    return redirect(url_for("auth.sign_in_page"), code=303)


def disconnect_identity(room: str) -> None:
    """Cut off every socket of a user or token (`Identity.room`), after sign-out, a new role, a revocation."""
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
    return render_template("login.html", code=code, error=error, next=target if target != "/" else "")


def _limits() -> tuple[RateLimit, RateLimit]:
    return current_app.extensions["login_limits"]
