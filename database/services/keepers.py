"""Which token speaks for which station: the first that did, until it is revoked or the name is given away."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.models.station import StationKeeper
from database.models.token import ApiToken
from database.services.permissions import can
from database.session import Database
from pybirch.errors import FieldError, NotFoundError


class Keepers:
    def __init__(self, database: Database) -> None:
        self._db = database

    def keeper(self, station: str) -> ApiToken | None:
        """The token in force that speaks for the station."""
        with self._db.read() as session:
            return _keeper(session, station)

    def was_ever(self, station: str) -> bool:
        """Whether a token speaks for that name, or did."""
        with self._db.read() as session:
            return _row(session, station) is not None

    def take_up(self, station: str, token_id: int) -> ApiToken:
        """Make the token the station's keeper unless it has one; gives the keeper."""
        found = self.keeper(station)
        if found is not None:
            return found

        def work(session: Session) -> ApiToken:
            found = _keeper(session, station)
            return found or _put(session, station, token_id)

        try:
            return self._db.transact(work)
        except IntegrityError:  # another was first by a moment
            return self.keeper(station) or self.take_up(station, token_id)

    def give(self, station: str, token_id: int) -> None:
        """The name is this token's from now on, whoever spoke for it before.

        Raises:
            NotFoundError: there is no such token.
            FieldError: the token is no station's, or in force no more.
        """
        self._db.transact(lambda session: _put(session, station, check_station(session, token_id).id))

    def of(self, token_id: int) -> list[str]:
        """The stations that are the token's."""
        with self._db.read() as session:
            query = select(StationKeeper.station).where(StationKeeper.token_id == token_id)
            return sorted(session.scalars(query))


def check_station(session: Session, token_id: int) -> ApiToken:
    """The token, if it is in force and may speak for stations.

    Raises:
        NotFoundError, FieldError: it is not there, or may not.
    """
    token = session.get(ApiToken, token_id)
    if token is None:
        raise NotFoundError(f"there is no token {token_id}")
    if not can(token, "station"):
        why = "may not speak for a station" if token.is_active else "is in force no more"
        raise FieldError("token", f"{token.name} {why}")
    return token


def _row(session: Session, station: str) -> StationKeeper | None:
    return session.scalars(select(StationKeeper).where(StationKeeper.station == station)).first()


def _keeper(session: Session, station: str) -> ApiToken | None:
    query = select(ApiToken).join(StationKeeper).where(StationKeeper.station == station)
    token = session.scalars(query).unique().first()
    return token if token is not None and token.is_active else None


def _put(session: Session, station: str, token_id: int) -> ApiToken:
    row = _row(session, station)
    if row is None:
        session.add(StationKeeper(station=station, token_id=token_id))
    else:
        row.token_id = token_id
    session.flush()
    return session.get_one(ApiToken, token_id)
