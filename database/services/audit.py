"""Who did what, when."""

from __future__ import annotations

from typing import Any

from database.models.audit import AuditEntry
from database.models.user import User
from database.services.records import Records
from database.session import Database


class Audit(Records[AuditEntry]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, AuditEntry, search=("actor", "action", "thing"))

    def add(self, actor: User | str, action: str, thing: str = "", **detail: Any) -> AuditEntry:
        """Note that somebody did something, e.g. ``add(user, "abort", "queue:Q1", ok=True)``."""
        who = actor.username if isinstance(actor, User) else actor
        number = actor.id if isinstance(actor, User) else None
        return self.create(user_id=number, actor=who, action=action, thing=thing, detail=detail)
