"""Programs' tokens and one-time login codes; the texts are shown once and only hashes kept."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.token import ApiToken, LoginCode
from database.models.user import User
from database.services.records import MOST_ROWS, Records
from database.session import Database
from pybirch.errors import FieldError, NotFoundError

SCOPES = ("station", "operate", "read", "admin")
OWN = "this computer"
"""Name of the token that a server makes for the stations, windows and commands beside it."""
_USE_NOTED_EVERY = timedelta(minutes=5)


class Tokens(Records[ApiToken]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, ApiToken, search=("name",))
        self._noun = "token"

    def create(  # type: ignore[override]
        self, name: str, user_id: int | None = None, scopes: Sequence[str] = ("read",)
    ) -> tuple[ApiToken, str]:
        """A new token and its text, which cannot be shown again.

        Args:
            scopes: any of station, operate, read, admin.
        """
        wrong = [scope for scope in scopes if scope not in SCOPES]
        if wrong or not scopes or isinstance(scopes, str):
            raise FieldError("scopes", f"{scopes!r}: one or more of {', '.join(SCOPES)}")
        secret = secrets.token_urlsafe(32)
        row = super().create(name=name, user_id=user_id, scopes=list(scopes), secret_hash=_hash(secret))
        return row, secret

    def find(self, secret: str) -> ApiToken | None:  # type: ignore[override]
        """The token with that text, if it is in force."""
        wanted = _hash(secret)
        with self._db.read() as session:
            row = session.scalars(select(ApiToken).where(ApiToken.secret_hash == wanted)).unique().first()
        if row is None or not secrets.compare_digest(row.secret_hash, wanted) or not row.is_active:
            return None
        return row

    def named(self, which: str) -> ApiToken:
        """The token of that number, or else the one in force of that name.

        Raises:
            NotFoundError: there is none.
            FieldError: several in force have that name.
        """
        if which.isdecimal():
            return self.get(int(which))
        found = [row for row in self.list(name=which, limit=MOST_ROWS) if row.is_active]
        if not found:
            raise NotFoundError(f"there is no token {which!r}; `pybirch token list` shows them")
        if len(found) > 1:
            numbers = ", ".join(str(row.id) for row in found)
            raise FieldError("token", f"several are called {which!r}; give the number of one: {numbers}")
        return found[0]

    def is_use_to_be_noted(self, row: ApiToken) -> bool:
        """Whether `note_use` would tell anything that is not known."""
        return row.last_used_at is None or now() - row.last_used_at > _USE_NOTED_EVERY

    def note_use(self, token_id: int) -> ApiToken:
        """The token was used just now."""
        return self.update(token_id, last_used_at=now())

    def revoke(self, token_id: int) -> ApiToken:
        """End a token; it is refused from now on."""
        return self.update(token_id, revoked_at=now())

    def create_login_code(self, user_id: int, minutes: float = 10) -> str:
        """A text that signs this person in once, within `minutes`."""
        code = secrets.token_urlsafe(24)

        def work(session: Session) -> None:
            if session.get(User, user_id) is None:
                raise NotFoundError(f"there is no user {user_id}")
            session.execute(delete(LoginCode).where(LoginCode.expires_at < now() - timedelta(days=1)))
            expires = now() + timedelta(minutes=minutes)
            session.add(LoginCode(user_id=user_id, code_hash=_hash(code), expires_at=expires))

        self._db.transact(work)
        return code

    def redeem_login_code(self, code: str) -> User | None:
        """The person the code was made for; None if it is unknown, used or too old."""
        wanted = _hash(code)
        with self._db.read() as session:  # who guesses does not keep others from writing
            if session.scalars(select(LoginCode.id).where(LoginCode.code_hash == wanted)).first() is None:
                return None

        def work(session: Session) -> User | None:
            row = session.scalars(
                select(LoginCode).where(LoginCode.code_hash == wanted).with_for_update()
            ).first()
            if row is None or not secrets.compare_digest(row.code_hash, wanted):
                return None
            if row.used_at is not None or row.expires_at < now():
                return None
            row.used_at = now()
            user = session.get_one(User, row.user_id)
            if not user.is_active:
                return None
            user.last_login_at = now()
            return user

        return self._db.transact(work)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
