"""Which token speaks for which station, and whose a queue is: the first that came, until it is revoked or the
name is given away."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from database.models.queue import Queue, QueueKeeper
from database.models.station import StationKeeper
from database.models.token import ApiToken
from database.services.permissions import can
from database.session import Database
from pybirch.errors import FieldError, NotFoundError


@dataclass(frozen=True)
class Keeper:
    """The bearer of `token`; without one the programs that have the database at hand."""

    token: ApiToken | None

    def bears(self, token: ApiToken | None) -> bool:
        return token is not None and self.token is not None and self.token.id == token.id

    @property
    def name(self) -> str:
        return "" if self.token is None else self.token.name


class Keepers:
    """Of things of one kind, known by their names: one row a name, its `token_id` the keeper's.

    Args:
        database: the record.
        table: that of the keepers.
        name: its column that has the names.
    """

    def __init__(
        self, database: Database, table: type[StationKeeper | QueueKeeper], name: InstrumentedAttribute[str]
    ) -> None:
        self._db = database
        self._table = table
        self._name = name

    def keeper(self, name: str) -> Keeper | None:
        """Who keeps it; None where nobody does, or whose token is in force no more."""
        with self._db.read() as session:
            row = session.scalars(select(self._table).where(self._name == name)).first()
            return None if row is None else _in_force(session, row)

    def was_ever(self, name: str) -> bool:
        """Whether somebody keeps that name, or did."""
        with self._db.read() as session:
            return session.scalars(select(self._table.id).where(self._name == name)).first() is not None

    def take_up(self, name: str, token_id: int | None) -> Keeper:
        """Make the token (None: who has the database at hand) the keeper unless there is one.

        Returns:
            The keeper.
        """
        return self.keeper(name) or self._settle(name, token_id, is_given=False)

    def give(self, name: str, token_id: int) -> None:
        """The name is this token's from now on, whoever kept it before.

        Raises:
            NotFoundError: there is no such token.
            FieldError: the token is no station's, or in force no more.
        """
        self._settle(name, token_id, is_given=True)

    def of(self, token_id: int) -> list[str]:
        """The names that are the token's."""
        with self._db.read() as session:
            return sorted(session.scalars(select(self._name).where(self._table.token_id == token_id)))

    def _settle(self, name: str, token_id: int | None, *, is_given: bool) -> Keeper:
        """Read and decide under the row's lock: of two that come at once, the later finds the earlier."""

        def work(session: Session) -> Keeper:
            if is_given and token_id is not None:
                _check_station(session, token_id)
            row = session.scalars(select(self._table).where(self._name == name).with_for_update()).first()
            if row is None:
                row = self._table(**{self._name.key: name})
                session.add(row)
            elif not is_given and (found := _in_force(session, row)) is not None:
                return found
            row.token_id = token_id  # type: ignore[assignment]  # a station's is always a token
            session.flush()
            return Keeper(None if token_id is None else session.get_one(ApiToken, token_id))

        try:
            return self._db.transact(work)
        except IntegrityError:  # another's row came first by a moment
            if not self.was_ever(name):  # it is the token that has gone
                raise
            return self._settle(name, token_id, is_given=is_given)


class StationKeepers(Keepers):
    """Of the names of stations."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, StationKeeper, StationKeeper.station)


class QueueKeepers(Keepers):
    """Of queues, known by their text ids."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, QueueKeeper, QueueKeeper.queue_id)

    def give(self, name: str, token_id: int) -> None:
        """The queue is this token's from now on, whoever kept it before.

        Raises:
            NotFoundError: there is no such queue or token.
            FieldError: the token is no station's, or in force no more.
        """
        with self._db.read() as session:
            if session.scalars(select(Queue.id).where(Queue.queue_id == name)).first() is None:
                raise NotFoundError(f"there is no queue {name!r}")
        super().give(name, token_id)


def _check_station(session: Session, token_id: int) -> None:
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NotFoundError(f"there is no token {token_id}")
    if not can(token, "station"):
        why = "may not speak for a station" if token.is_active else "is in force no more"
        raise FieldError("token", f"{token.name} {why}")


def _in_force(session: Session, row: StationKeeper | QueueKeeper) -> Keeper | None:
    if row.token_id is None:
        return Keeper(None)
    token = session.get(ApiToken, row.token_id)
    return Keeper(token) if token is not None and token.is_active else None
