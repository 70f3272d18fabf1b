"""Who did what, noted without keeping anybody waiting: the record may be slow, a command may not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flask import has_request_context, request

from database.models import User
from pybirch.errands import Errands
from pybirch.errors import PyBirchError

if TYPE_CHECKING:
    from database.services import DatabaseService
    from database.web.identity import Identity

log = logging.getLogger(__name__)


class AuditTrail:
    """Notes in the log at once, and in the record as soon as that can be written."""

    def __init__(self, db: DatabaseService, errands: Errands) -> None:
        self._db = db
        self._errands = errands

    def note(self, who: Identity | User, action: str, thing: str = "", **detail: Any) -> None:
        """Somebody did something, with this request; see `database.services.audit.Audit.add`.

        Of a token that belongs to a person, that person did it.
        """
        row: Any = who if isinstance(who, User) else who.row
        token = "" if isinstance(row, User) else row.name
        actor: User | str = row if isinstance(row, User) else row.user or row.name
        where = (request.remote_addr or "") if has_request_context() else ""
        at = datetime.now(UTC)
        log.info("%s: %s %s %s %s", getattr(actor, "username", actor), action, thing, detail, where)
        self._errands.add(
            lambda: self._db.audit.add(
                actor, action, thing, address=where, token=token, timestamp=at, **detail
            )
        )

    @contextmanager
    def acting(self, who: Identity | User, action: str, thing: str = "", **detail: Any) -> Iterator[None]:
        """Note what is done in the body, also where it is refused or its outcome is unknown."""
        try:
            yield
        except PyBirchError as error:
            self.note(who, action, thing, **detail, refused=str(error))
            raise
        self.note(who, action, thing, **detail)
