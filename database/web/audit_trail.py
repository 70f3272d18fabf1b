"""Who did what, noted without keeping anybody waiting: the record may be slow, a command may not."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pybirch.errands import Errands

if TYPE_CHECKING:
    from database.models import User
    from database.services import DatabaseService

log = logging.getLogger(__name__)


class AuditTrail:
    """Notes in the log at once, and in the record as soon as that can be written."""

    def __init__(self, db: DatabaseService, errands: Errands) -> None:
        self._db = db
        self._errands = errands

    def note(self, actor: User | str, action: str, thing: str = "", **detail: Any) -> None:
        """Somebody did something; see `database.services.audit.Audit.add`."""
        log.info("%s: %s %s %s", getattr(actor, "username", actor), action, thing, detail)
        self._errands.add(lambda: self._db.audit.add(actor, action, thing, **detail))
