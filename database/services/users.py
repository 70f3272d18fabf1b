"""People: made, verified by password, changed."""

from __future__ import annotations

from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.user import Role, User
from database.services.passwords import FEWEST_CHARACTERS, hash_password, matches
from database.services.records import Key, Records
from database.services.sign_ins import end_all
from database.session import Database
from pybirch.errors import FieldError

LOCAL_OPERATOR = "operator"


class Users(Records[User]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, User, text_key="username", search=("username", "full_name", "email"))

    def create(  # type: ignore[override]
        self, username: str, password: str | None = None, role: Role | str = Role.VIEWER, **fields: Any
    ) -> User:
        """A new person; without a password, one who signs in by link only."""
        if not username.strip():
            raise FieldError("username", "must not be empty")
        return super().create(username=username, password_hash=_hash(password), role=role, **fields)

    def verify(self, username: str, password: str) -> User | None:
        """The person, if the password is right and the account is not archived."""
        user = self.find(username)
        right = matches(password, user.password_hash if user is not None else None)
        if user is None or not right or not user.is_active:
            return None

        def work(session: Session) -> User | None:
            row = session.scalars(self._select(user.id).with_for_update(key_share=True)).one()
            if not row.is_active or row.password_hash != user.password_hash:
                return None  # changed while it was looked at
            row.last_login_at = now()
            return self._loaded(session, row)

        return self._db.transact(work)

    def set_password(self, key: Key, password: str | None) -> User:
        """A new password; None leaves sign-in by link only. Signed-in browsers must sign in again."""
        hashed = _hash(password)

        def work(session: Session) -> User:
            user = self._load(session, key)
            user.password_hash = hashed
            end_all(session, user.id)
            return self._loaded(session, user)

        return self._db.transact(work)

    def ensure_local_operator(self) -> User:
        """The person who works at this machine and signs in by the link it prints."""
        found = self.find(LOCAL_OPERATOR)
        if found is not None:
            return found
        try:
            return self.create(LOCAL_OPERATOR, None, Role.OPERATOR, full_name="Local operator")
        except (FieldError, IntegrityError):
            return self.get(LOCAL_OPERATOR)


def _hash(password: str | None) -> str | None:
    if password is None:
        return None
    if len(password) < FEWEST_CHARACTERS:
        raise FieldError("password", f"too short; {FEWEST_CHARACTERS} characters or more")
    return hash_password(password)
