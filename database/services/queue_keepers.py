"""Who keeps which queue: the token that opened it first, until it is revoked or the queue is given away."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.models.queue import Queue, QueueKeeper
from database.models.token import ApiToken
from database.services.keepers import check_station
from database.session import Database
from pybirch.errors import NotFoundError


@dataclass(frozen=True)
class Keeper:
    """The bearer of `token`; without one the programs that have the database at hand."""

    token: ApiToken | None


class QueueKeepers:
    """Queues are known by their text ids."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def keeper(self, queue_id: str) -> Keeper | None:
        """Who keeps the queue; None where nobody does, or whose token is in force no more."""
        with self._db.read() as session:
            return _keeper(session, queue_id)

    def take_up(self, queue_id: str, token_id: int | None) -> Keeper:
        """Make the token (None: who has the database at hand) the queue's keeper unless it has one.

        Returns:
            The keeper.
        """
        found = self.keeper(queue_id)
        if found is not None:
            return found

        def work(session: Session) -> Keeper:
            found = _keeper(session, queue_id)
            return found or _put(session, queue_id, token_id)

        try:
            return self._db.transact(work)
        except IntegrityError:  # another was first by a moment
            return self.keeper(queue_id) or self.take_up(queue_id, token_id)

    def give(self, queue_id: str, token_id: int) -> None:
        """The queue is this token's from now on, whoever kept it before.

        Raises:
            NotFoundError: there is no such queue or token.
            FieldError: the token is no station's, or in force no more.
        """

        def work(session: Session) -> None:
            if session.scalars(select(Queue.id).where(Queue.queue_id == queue_id)).first() is None:
                raise NotFoundError(f"there is no queue {queue_id!r}")
            _put(session, queue_id, check_station(session, token_id).id)

        self._db.transact(work)

    def of(self, token_id: int) -> list[str]:
        """The queues that are the token's."""
        with self._db.read() as session:
            query = select(QueueKeeper.queue_id).where(QueueKeeper.token_id == token_id)
            return sorted(session.scalars(query))


def _row(session: Session, queue_id: str) -> QueueKeeper | None:
    return session.scalars(select(QueueKeeper).where(QueueKeeper.queue_id == queue_id)).first()


def _keeper(session: Session, queue_id: str) -> Keeper | None:
    row = _row(session, queue_id)
    if row is None or row.token_id is None:
        return None if row is None else Keeper(None)
    token = session.get(ApiToken, row.token_id)
    return Keeper(token) if token is not None and token.is_active else None


def _put(session: Session, queue_id: str, token_id: int | None) -> Keeper:
    row = _row(session, queue_id)
    if row is None:
        session.add(QueueKeeper(queue_id=queue_id, token_id=token_id))
    else:
        row.token_id = token_id
    session.flush()
    return Keeper(None if token_id is None else session.get_one(ApiToken, token_id))
