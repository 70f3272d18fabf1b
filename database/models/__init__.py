"""The tables of the record, one aggregate a file; names are loaded when first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from database.models.analysis import Analysis, AnalysisInput
    from database.models.audit import AuditEntry
    from database.models.base import Base
    from database.models.block import MeasurementBlock, MeasurementSummary
    from database.models.conditions import ScanConditions
    from database.models.equipment import Equipment, EquipmentStatusChange, EquipmentType, InstrumentStatus
    from database.models.lab import Lab
    from database.models.measurement import MeasurementDataArray, MeasurementDataPoint, MeasurementObject
    from database.models.project import Project, ProjectMember, ProjectRole, ProjectStatus
    from database.models.queue import Queue, QueueKeeper, QueueLog
    from database.models.rewind import MeasurementReplacement, ScanRewind
    from database.models.sample import Sample, SampleImage, SampleOrigin, SampleTag
    from database.models.scan import Scan
    from database.models.sign_in import SignIn
    from database.models.station import Station, StationKeeper
    from database.models.template import QueueTemplate, ScanTemplate, TemplateVersion
    from database.models.token import ApiToken, LoginCode
    from database.models.upkeep import Calibration, Maintenance
    from database.models.user import Role, User

_HOMES = {
    "Analysis": "analysis",
    "AnalysisInput": "analysis",
    "ApiToken": "token",
    "AuditEntry": "audit",
    "Base": "base",
    "Calibration": "upkeep",
    "Equipment": "equipment",
    "EquipmentStatusChange": "equipment",
    "EquipmentType": "equipment",
    "InstrumentStatus": "equipment",
    "Lab": "lab",
    "LoginCode": "token",
    "Maintenance": "upkeep",
    "MeasurementBlock": "block",
    "MeasurementDataArray": "measurement",
    "MeasurementDataPoint": "measurement",
    "MeasurementObject": "measurement",
    "MeasurementReplacement": "rewind",
    "MeasurementSummary": "block",
    "Project": "project",
    "ProjectMember": "project",
    "ProjectRole": "project",
    "ProjectStatus": "project",
    "Queue": "queue",
    "QueueKeeper": "queue",
    "QueueLog": "queue",
    "QueueTemplate": "template",
    "Role": "user",
    "Sample": "sample",
    "SampleImage": "sample",
    "SampleOrigin": "sample",
    "SampleTag": "sample",
    "Scan": "scan",
    "ScanConditions": "conditions",
    "ScanRewind": "rewind",
    "ScanTemplate": "template",
    "SignIn": "sign_in",
    "Station": "station",
    "StationKeeper": "station",
    "TemplateVersion": "template",
    "User": "user",
}

__all__ = [
    "Analysis",
    "AnalysisInput",
    "ApiToken",
    "AuditEntry",
    "Base",
    "Calibration",
    "Equipment",
    "EquipmentStatusChange",
    "EquipmentType",
    "InstrumentStatus",
    "Lab",
    "LoginCode",
    "Maintenance",
    "MeasurementBlock",
    "MeasurementDataArray",
    "MeasurementDataPoint",
    "MeasurementObject",
    "MeasurementReplacement",
    "MeasurementSummary",
    "Project",
    "ProjectMember",
    "ProjectRole",
    "ProjectStatus",
    "Queue",
    "QueueKeeper",
    "QueueLog",
    "QueueTemplate",
    "Role",
    "Sample",
    "SampleImage",
    "SampleOrigin",
    "SampleTag",
    "Scan",
    "ScanConditions",
    "ScanRewind",
    "ScanTemplate",
    "SignIn",
    "Station",
    "StationKeeper",
    "TemplateVersion",
    "User",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'database.models' has no attribute {name!r}")
    return getattr(import_module(f"database.models.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
