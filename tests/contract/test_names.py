"""Every public name, from exactly its path, with exactly its parameters.

More parameters may be there if they have defaults; a parameter of the contract may have gained one.
"""

from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from tests.conftest import need

SCAN = "pybirch.scan.scan"
MOVEMENTS = "pybirch.scan.movements"
MEASUREMENTS = "pybirch.scan.measurements"
QUEUE = "pybirch.queue.queue"
INTEGRATION = "pybirch.database_integration"
UPDATES = f"{INTEGRATION}.ScanUpdateServer"
SERVICE = "database.services.DatabaseService"
WINDOW = "GUI.main.main_window"

CALLS = {
    f"{SCAN}.ScanSettings": "project_name, scan_name, scan_type, job_type, scan_tree=None, extensions=None, "
    "additional_tags=None, user_fields=None",
    f"{SCAN}.ScanSettings.serialize": "",
    f"{SCAN}.ScanSettings.deserialize": "data",
    f"{SCAN}.Scan": "settings, sample=None, extensions=None, owner=''",
    f"{SCAN}.Scan.startup": "",
    f"{SCAN}.Scan.execute": "",
    f"{SCAN}.Scan.shutdown": "",
    f"{SCAN}.Scan.run": "",
    f"{SCAN}.Scan.pause": "",
    f"{SCAN}.Scan.resume": "",
    f"{SCAN}.Scan.abort": "",
    f"{SCAN}.Scan.flush": "",
    f"{SCAN}.Scan.save_data": "df, measurement_name",
    f"{MOVEMENTS}.Movement": "name",
    f"{MOVEMENTS}.Movement.check_connection": "",
    f"{MOVEMENTS}.Movement.connect": "",
    f"{MOVEMENTS}.Movement.initialize": "",
    f"{MOVEMENTS}.Movement.shutdown": "",
    f"{MOVEMENTS}.Movement.move_to": "target",
    f"{MOVEMENTS}.Movement._report_position_start": "target",
    f"{MOVEMENTS}.Movement._report_current_position": "",
    f"{MOVEMENTS}.Movement._report_position_complete": "",
    f"{MOVEMENTS}.VisaMovement": "name, instrument, adapter=''",
    f"{MOVEMENTS}.MovementItem": "movement, positions, settings=None, children=()",
    f"{MEASUREMENTS}.Measurement": "name",
    f"{MEASUREMENTS}.Measurement.check_connection": "",
    f"{MEASUREMENTS}.Measurement.connect": "",
    f"{MEASUREMENTS}.Measurement.initialize": "",
    f"{MEASUREMENTS}.Measurement.shutdown": "",
    f"{MEASUREMENTS}.Measurement.perform_measurement": "",
    f"{MEASUREMENTS}.Measurement.columns": "",
    f"{MEASUREMENTS}.Measurement.measurement_df": "",
    f"{MEASUREMENTS}.VisaMeasurement": "name, instrument, adapter=''",
    f"{MEASUREMENTS}.MeasurementItem": "measurement, settings=None",
    "pybirch.extensions.base.ScanExtension.set_scan_reference": "scan",
    "pybirch.extensions.base.ScanExtension.startup": "",
    "pybirch.extensions.base.ScanExtension.execute": "",
    "pybirch.extensions.base.ScanExtension.save_data": "data, measurement_name",
    "pybirch.extensions.base.ScanExtension.shutdown": "",
    "pybirch.extensions.base.ScanExtension.on_pause": "",
    "pybirch.extensions.base.ScanExtension.on_resume": "",
    "pybirch.extensions.base.ScanExtension.on_complete": "",
    "pybirch.extensions.base.ScanExtension.on_abort": "",
    "pybirch.extensions.base.ScanExtension.on_error": "error",
    f"{QUEUE}.Queue": "QID, scans=None, max_parallel_scans=4",
    f"{QUEUE}.Queue.enqueue": "scan",
    f"{QUEUE}.Queue.dequeue": "",
    f"{QUEUE}.Queue.clear": "",
    f"{QUEUE}.Queue.move_scan": "from_index, to_index",
    f"{QUEUE}.Queue.replace_scan": "index, scan",
    f"{QUEUE}.Queue.get_handle": "index",
    f"{QUEUE}.Queue.get_handle_by_id": "scan_id",
    f"{QUEUE}.Queue.get_handles_by_state": "state",
    f"{QUEUE}.Queue.size": "",
    f"{QUEUE}.Queue.is_empty": "",
    f"{QUEUE}.Queue.pause": "scan_id=None",
    f"{QUEUE}.Queue.resume": "scan_id=None",
    f"{QUEUE}.Queue.abort": "scan_id=None",
    f"{QUEUE}.Queue.restart": "scan_id",
    f"{QUEUE}.Queue.stop_queue": "",
    f"{QUEUE}.Queue.wait_for_completion": "timeout=None",
    f"{QUEUE}.Queue.get_logs": "",
    f"{QUEUE}.Queue.get_status": "",
    f"{QUEUE}.Queue.serialize": "",
    f"{QUEUE}.Queue.deserialize": "data",
    f"{QUEUE}.LogEntry": "timestamp, scan_id, scan_name, level, message, data=None",
    f"{QUEUE}.ScanHandle.is_active": "",
    f"{QUEUE}.ScanHandle.is_finished": "",
    "pybirch.queue.samples.Sample": "ID, material='', additional_tags=None, image=None",
    f"{INTEGRATION}.DatabaseQueue": "db_service, QID=None, *, project_id=None, sample_id=None, operator='', "
    "scans=None, max_parallel_scans=4, update_server=None",
    f"{INTEGRATION}.DatabaseQueue.enable_websocket_integration": "update_server",
    f"{INTEGRATION}.DatabaseQueue.disable_websocket_integration": "",
    f"{INTEGRATION}.DatabaseQueue.from_database": "db, QID, instruments=None",
    f"{INTEGRATION}.DatabaseQueue.get_incomplete_scans": "",
    f"{INTEGRATION}.DatabaseQueue.mark_incomplete_scans_failed": "",
    f"{INTEGRATION}.DatabaseExtension": "db_service, scan_id",
    f"{INTEGRATION}.DatabaseQueueExtension": "db_service",
    f"{INTEGRATION}.ScanManager": "db",
    f"{INTEGRATION}.ScanManager.create_scan": "settings, sample_id=None, queue_id=None, project_id=None, "
    "owner=''",
    f"{INTEGRATION}.ScanManager.start_scan": "scan_id",
    f"{INTEGRATION}.ScanManager.pause_scan": "scan_id",
    f"{INTEGRATION}.ScanManager.resume_scan": "scan_id",
    f"{INTEGRATION}.ScanManager.complete_scan": "scan_id",
    f"{INTEGRATION}.ScanManager.fail_scan": "scan_id",
    f"{INTEGRATION}.ScanManager.abort_scan": "scan_id",
    f"{INTEGRATION}.ScanManager.get_scans_for_queue": "queue_id",
    f"{INTEGRATION}.QueueManager": "db",
    f"{INTEGRATION}.EquipmentManager": "db",
    f"{INTEGRATION}.EquipmentManager.register": "instrument",
    f"{INTEGRATION}.EquipmentManager.update_status": "equipment_id, status",
    f"{INTEGRATION}.EquipmentManager.discover_instruments": "",
    f"{INTEGRATION}.SampleManager": "db",
    f"{INTEGRATION}.SampleManager.to_db": "sample",
    f"{INTEGRATION}.SampleManager.from_db": "sample_id",
    f"{INTEGRATION}.SampleManager.sync": "sample",
    f"{INTEGRATION}.DataManager": "db",
    f"{INTEGRATION}.DataManager.save_data_point": "scan_id, measurement_name, values",
    f"{INTEGRATION}.DataManager.save_dataframe": "scan_id, measurement_name, frame",
    f"{INTEGRATION}.DataManager.save_array": "scan_id, measurement_name, array",
    f"{INTEGRATION}.DataManager.flush": "",
    f"{INTEGRATION}.DataManager.get_data": "scan_id, measurement_name",
    f"{INTEGRATION}.setup_websocket_integration": "queue, update_server=None, server_url=None, token=None",
    f"{INTEGRATION}.WebSocketQueueBridge.unregister": "",
    f"{INTEGRATION}.create_websocket_scan_extension": "update_server, scan_id",
    f"{INTEGRATION}.WebSocketScanExtension": "update_server, scan_id, data_point_interval=1",
    f"{INTEGRATION}.ScanEventHandler": "update_server, scan_id",
    f"{INTEGRATION}.QueueEventHandler": "update_server, queue_id",
    f"{INTEGRATION}.InstrumentEventHandler": "update_server, instrument_id, instrument_name",
    UPDATES: "socketio",
    SERVICE: "path_or_url",
    f"{SERVICE}.create_scan_from_pybirch": "scan, queue_id=None",
    f"{SERVICE}.update_scan": "scan_id, **fields",
    f"{SERVICE}.update_scan_status": "scan_id, status, **fields",
    f"{SERVICE}.get_active_scans": "",
    f"{SERVICE}.create_measurement_object": "scan_id, name, columns=None, units=None",
    f"{SERVICE}.bulk_create_data_points": "points",
    f"{SERVICE}.get_measurement_data": "measurement_object_id, start_index=None, end_index=None",
    f"{SERVICE}.get_data_point_count": "scan_id",
    f"{SERVICE}.create_queue_from_pybirch": "queue",
    f"{SERVICE}.get_queue_with_scans": "queue_id",
    f"{SERVICE}.add_queue_log": "queue_id, level, message, scan_id=None",
    f"{SERVICE}.register_instrument": "instrument, lab_id=None",
    f"{SERVICE}.update_instrument_status": "equipment_id, status, **fields",
    f"{SERVICE}.get_instruments_by_type": "type",
    f"{SERVICE}.get_sample_by_id": "sample_id",
    "database.models.Sample.to_pybirch_sample": "",
    "database.models.Sample.from_pybirch_sample": "sample, **fields",
    "database.web.app.create_app": "",
    "database.web.app.get_scan_update_server": "",
    f"{WINDOW}.MainWindow": "queue=None",
    f"{WINDOW}.MainWindow.enable_websocket_integration": "server_url=None, token=None",
    f"{WINDOW}.MainWindow.disable_websocket_integration": "",
    f"{WINDOW}.MainWindow.show_extensions_page": "",
}
"""Path -> parameters, as the contract writes them."""

BROADCASTS = {
    "broadcast_scan_status": "scan_id, status, progress=None, message=None",
    "broadcast_queue_status": "queue_id, status, current_scan=None, completed_scans=None, total_scans=None",
    "broadcast_data_point": "scan_id, measurement_name, data, sequence_index=None",
    "broadcast_instrument_status": "instrument_id, instrument_name, status, error=None, settings=None",
    "broadcast_instrument_position": "instrument_id, instrument_name, position, target_position=None, "
    "is_moving=False",
    "broadcast_queue_log": "queue_id, level, message, scan_id=None",
}
for home in (UPDATES, f"{INTEGRATION}.sync.RemoteUpdateServer"):
    CALLS |= {f"{home}.{name}": parameters for name, parameters in BROADCASTS.items()}
for what, callback in (("log", "callback"), ("state", "callback"), ("progress", "callback")):
    CALLS |= {f"{QUEUE}.Queue.{verb}_{what}_callback": callback for verb in ("add", "remove")}

OTHER_NAMES = [
    f"{SCAN}.ScanExtension",
    "pybirch.extensions.base.BaseExtension",
    "pybirch.instruments.base.BaseMeasurementInstrument",
    f"{QUEUE}.Queue.start",
    f"{QUEUE}.Queue.handles",
    f"{QUEUE}.Queue.state",
    f"{QUEUE}.Queue.mode",
    *(f"{QUEUE}.ScanHandle.{name}" for name in ("scan_id", "state", "progress", "duration", "error")),
    *(f"{QUEUE}.{name}" for name in ("ExecutionMode", "QueueState", "ScanState")),
    f"{INTEGRATION}.config.IntegrationConfig",
    f"{INTEGRATION}.extensions.DatabaseExtension",
    f"{INTEGRATION}.extensions.DatabaseQueueExtension",
    *(f"{INTEGRATION}.managers.{name}Manager" for name in ("Scan", "Queue", "Equipment", "Sample", "Data")),
    *(
        f"{INTEGRATION}.sync.{name}"
        for name in (
            "ScanUpdateServer",
            "setup_websocket_integration",
            "WebSocketQueueBridge",
            "create_websocket_scan_extension",
            "WebSocketScanExtension",
            "ScanEventHandler",
            "QueueEventHandler",
            "InstrumentEventHandler",
        )
    ),
    *(
        f"{INTEGRATION}.testing.Fake{name}"
        for name in ("Multimeter", "Spectrometer", "Lockin", "Stage", "Piezo", "TemperatureController")
    ),
    *(
        f"database.models.{name}"
        for name in [
            "Lab",
            "Project",
            "User",
            "Sample",
            "Equipment",
            "InstrumentStatus",
            "ScanTemplate",
            "QueueTemplate",
            "Scan",
            "Queue",
            "QueueLog",
            "MeasurementObject",
            "MeasurementDataPoint",
            "MeasurementDataArray",
            "Analysis",
        ]
    ),
    f"{WINDOW}.WEBSOCKET_AVAILABLE",
]


def find(path: str) -> Any:
    """What is at a dotted path: the longest part that is a module, then attributes."""
    if path.startswith("GUI."):
        need(_qt(), "Qt is not installed", "pip install 'pybirch[gui]'")
    module, rest = path, []
    while True:
        try:
            found: Any = import_module(module)
            break
        except ModuleNotFoundError as error:
            if not error.name or not path.startswith(error.name):
                raise
            module, _, name = module.rpartition(".")
            rest.insert(0, name)
    for name in rest:
        found = getattr(found, name)
    return found


def _qt() -> bool:
    try:
        import_module("qtpy.QtWidgets")
    except Exception:  # qtpy has errors of its own, and none of them is an ImportError everywhere
        return False
    return True


def parameters_of(path: str) -> list[inspect.Parameter]:
    thing = find(path)
    parameters = list(inspect.signature(thing).parameters.values())
    is_plain_method = inspect.isfunction(thing) and "." in thing.__qualname__
    return parameters[1:] if is_plain_method and parameters[0].name == "self" else parameters


def written(parameters: str) -> list[inspect.Parameter]:
    made = eval(f"lambda {parameters}: None")  # noqa: S307 - the table above
    return list(inspect.signature(made).parameters.values())


@pytest.mark.parametrize("path", CALLS)
def test_a_call_takes_what_the_contract_says(path: str) -> None:
    actual, expected = parameters_of(path), written(CALLS[path])
    by_name = {parameter.name: parameter for parameter in actual}
    in_order = [p.name for p in expected if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in actual if p.kind is p.POSITIONAL_OR_KEYWORD][: len(in_order)] == in_order
    for parameter in expected:
        assert parameter.name in by_name, f"{path} lacks {parameter.name}"
        if parameter.default is not parameter.empty:
            assert by_name[parameter.name].default == parameter.default
    known = {parameter.name for parameter in expected}
    for parameter in actual:
        may_be_left_out = parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        if parameter.name not in known and not may_be_left_out:
            assert parameter.default is not parameter.empty, f"{path} demands {parameter.name}"


@pytest.mark.parametrize("path", OTHER_NAMES)
def test_a_name_is_where_the_contract_says(path: str) -> None:
    assert find(path) is not None or path.endswith("AVAILABLE")


def test_start_runs_all_in_series_unless_told() -> None:
    from pybirch.queue.queue import ExecutionMode

    indices, mode, *_ = parameters_of(f"{QUEUE}.Queue.start")
    assert (indices.name, indices.default) == ("indices", None)
    assert (mode.name, mode.default) == ("mode", ExecutionMode.SERIAL)


def test_one_thing_has_one_class() -> None:
    assert find(f"{SCAN}.ScanExtension") is find("pybirch.extensions.base.BaseExtension")
    assert find("pybirch.extensions.base.ScanExtension") is find(f"{SCAN}.ScanExtension")
    assert find(f"{QUEUE}.ScanState") is find("pybirch.states.ScanState")
    assert find("pybirch.queue.samples.Sample") is find("pybirch.samples.Sample")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("ExecutionMode", "serial parallel"),
        ("QueueState", "idle running paused stopping"),
        ("ScanState", "queued running paused completed aborted failed interrupted"),
    ],
)
def test_enums(name: str, values: str) -> None:
    members = find(f"{QUEUE}.{name}")
    assert {member.name: member.value for member in members} == {v.upper(): v for v in values.split()}
