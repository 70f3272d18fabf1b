"""Browsers that are signed in: each has a key in its cookie, which is worth nothing once it has ended."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from database.models.base import now
from database.models.sign_in import SignIn
from database.models.user import User
from database.services.records import Records
from database.session import Database

LONGEST = timedelta(days=30)


class SignIns(Records[SignIn]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, SignIn)

    def begin(self, user: User) -> str | None:
        """A new sign-in of that person; gives its key, which cannot be shown again.

        Args:
            user: as they were when it was found that it is they; with another password, or gone, since
                then nothing begins.
        """
        key = secrets.token_urlsafe(24)

        def work(session: Session) -> str | None:
            row = session.scalars(select(User).where(User.id == user.id).with_for_update(read=True)).one()
            if not row.is_active or row.password_hash != user.password_hash:
                return None
            session.execute(delete(SignIn).where(SignIn.created_at < now() - LONGEST))
            session.add(SignIn(user_id=row.id, key_hash=_hash(key)))
            return key

        return self._db.transact(work)

    def of(self, key: str) -> SignIn | None:
        """The sign-in with that key, with its person; None if it has ended or never was."""
        query = select(SignIn).where(SignIn.key_hash == _hash(key), SignIn.created_at > now() - LONGEST)
        with self._db.read() as session:
            return session.scalars(query).unique().first()

    def end(self, key: str) -> None:
        """That browser is signed out; harmless when it was."""
        self._db.transact(
            lambda session: session.execute(delete(SignIn).where(SignIn.key_hash == _hash(key)))
        )


def end_all(session: Session, user_id: int) -> None:
    """Sign this person out everywhere."""
    session.execute(delete(SignIn).where(SignIn.user_id == user_id))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
