"""Who did what, when, from where; lines are added and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from database.models.audit import AuditEntry
from database.models.user import User
from database.services import here
from database.services.fields import moment
from database.services.records import Key, Records
from database.session import Database
from pybirch.errors import FieldError


class Audit(Records[AuditEntry]):
    """`list` and `count` take `since` and `until`, moments, besides fields; ``sort="-id"``: newest first."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, AuditEntry, search=("actor", "action", "thing", "address", "token"))

    def add(
        self,
        actor: User | str,
        action: str,
        thing: str = "",
        *,
        address: str | None = None,
        token: str = "",
        timestamp: datetime | None = None,
        **detail: Any,
    ) -> AuditEntry:
        """Note that somebody did something, e.g. ``add(user, "abort", "queue:Q1", ok=True)``.

        Args:
            actor: who; an empty text is the account this program runs under.
            address: where it was asked for; of a program's own act ``person@computer``.
            token: the name of the token it was asked with.
        """
        who = actor.username if isinstance(actor, User) else actor or here.person()
        return self.create(
            user_id=actor.id if isinstance(actor, User) else None,
            actor=who,
            action=action,
            thing=thing,
            address=here.address() if address is None else address,
            token=token,
            detail=detail,
            **({"timestamp": timestamp} if timestamp is not None else {}),
        )

    def update(self, key: Key, **fields: Any) -> AuditEntry:
        raise FieldError("audit_entries", "is only added to; a line is neither changed nor archived")

    def archive(self, key: Key) -> AuditEntry:
        raise FieldError("audit_entries", "is a log; its rows are not archived")

    def _filtered(
        self, session: Session, search: str | None, archived: bool, filters: Mapping[str, Any]
    ) -> Select[AuditEntry]:
        rest = dict(filters)
        since, until = rest.pop("since", None), rest.pop("until", None)
        query = super()._filtered(session, search, archived, rest)
        if since is not None:
            query = query.where(AuditEntry.timestamp >= moment(since, "since"))
        if until is not None:
            query = query.where(AuditEntry.timestamp < moment(until, "until"))
        return query
