"""Instruments in the record."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from database.models import Equipment, InstrumentStatus
from database.services import DatabaseService
from pybirch.errors import InstrumentError
from pybirch.states import InstrumentState

log = logging.getLogger(__name__)


class EquipmentManager:
    """Registers instruments and keeps the state they are in."""

    def __init__(self, db: DatabaseService) -> None:
        self._db = db

    def register(self, instrument: Any, lab_id: int | None = None) -> Equipment:
        """The instrument's record, made where there is none; gives the instrument its number."""
        row = self._db.register_instrument(instrument, lab_id)
        instrument.instrument_id = row.id
        return row

    def update_status(
        self, equipment_id: int | str, status: InstrumentState | str, **fields: Any
    ) -> InstrumentStatus:
        """Keep a state; `fields` may be position, target, value, error, settings."""
        return self._db.update_instrument_status(equipment_id, status, **fields)

    def discover_instruments(self, library: str = "@py") -> list[str]:
        """The VISA addresses that answer on this computer; none of them is opened.

        Raises:
            InstrumentError: VISA is not there; says what to install.
        """
        try:
            import pyvisa
        except ModuleNotFoundError as error:
            raise InstrumentError(
                "looking for instruments needs VISA: pip install 'pybirch[visa]'"
            ) from error
        manager = pyvisa.ResourceManager(library)
        try:
            found: Sequence[str] = manager.list_resources("?*")
        except (pyvisa.Error, OSError, ValueError) as error:
            raise InstrumentError(f"VISA could not list its instruments: {error}") from error
        finally:
            manager.close()
        return sorted(found)
