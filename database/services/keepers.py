"""Which token speaks for which station: the first that did, until it is revoked."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database.models.station import StationKeeper
from database.models.token import ApiToken
from database.session import Database


class Keepers:
    def __init__(self, database: Database) -> None:
        self._db = database

    def keeper(self, station: str) -> ApiToken | None:
        """The token in force that speaks for the station."""
        with self._db.read() as session:
            return _keeper(session, station)

    def take_up(self, station: str, token_id: int) -> ApiToken:
        """Make the token the station's keeper unless it has one; gives the keeper."""
        found = self.keeper(station)
        if found is not None:
            return found

        def work(session: Session) -> ApiToken:
            found = _keeper(session, station)
            if found is not None:
                return found
            row = session.scalars(select(StationKeeper).where(StationKeeper.station == station)).first()
            if row is None:
                session.add(StationKeeper(station=station, token_id=token_id))
            else:
                row.token_id = token_id
            session.flush()
            return session.get_one(ApiToken, token_id)

        try:
            return self._db.transact(work)
        except IntegrityError:  # another was first by a moment
            return self.keeper(station) or self.take_up(station, token_id)


def _keeper(session: Session, station: str) -> ApiToken | None:
    query = select(ApiToken).join(StationKeeper).where(StationKeeper.station == station)
    token = session.scalars(query).unique().first()
    return token if token is not None and token.is_active else None
