"""The laboratory a record is of."""

from __future__ import annotations

from database.models.lab import Lab
from database.services.records import Records
from database.session import Database
from pybirch.errors import FieldError


class Labs(Records[Lab]):
    def __init__(self, database: Database) -> None:
        super().__init__(database, Lab, text_key="name", search=("name", "description"))

    def ensure(self, name: str) -> None:
        """Give the record a laboratory of that name, unless it has one."""
        if self.list(limit=1):
            return
        try:
            self.create(name=name)
        except FieldError:
            if self.find(name) is None:  # else another station made it in the same moment
                raise
