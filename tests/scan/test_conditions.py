"""What a scan ran under is told at its start and when it goes on; asking for it fails no scan."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from pybirch.extensions.base import ScanExtension
from pybirch.instruments.base import BaseMeasurementInstrument
from pybirch.samples import Sample
from pybirch.scan import conditions
from pybirch.scan.asking import STILL_ASKED
from pybirch.scan.measurements import MeasurementItem
from pybirch.scan.movements import MovementItem
from pybirch.scan.scan import Scan
from pybirch.states import ScanState
from tests.conftest import WaitFor
from tests.lab import Doorway, Meter, Stage, line_scan, running, settings


class Keeper(ScanExtension):
    """Remembers the conditions it is told."""

    def __init__(self, trouble: Exception | None = None) -> None:
        super().__init__()
        self.told: list[dict[str, Any]] = []
        self.trouble = trouble

    def save_conditions(self, conditions: dict[str, Any]) -> None:
        self.told.append(conditions)
        if self.trouble is not None:
            raise self.trouble


class Asking(Meter):
    """Its settings are read from the hardware, which may raise or hang."""

    def __init__(self, name: str = "meter", answers: Any = None) -> None:
        super().__init__(name)
        self.asked = answers

    @property
    def settings(self) -> dict[str, Any]:
        return self.asked()

    @settings.setter
    def settings(self, settings: Any) -> None: ...


def by_name(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in told["instruments"]}


def test_a_scan_tells_what_it_starts_under() -> None:
    keeper, stage, meter = Keeper(), Stage(adapter="GPIB0::8"), Meter()
    meter.identity = "ACME,9000,1,2.3"
    tree = [MovementItem(stage, [0, 1], {"velocity": np.float64(2)}, [MeasurementItem(meter, {"nplc": 1})])]
    scan = Scan(settings(tree), Sample("S-1", "GaAs"), [keeper], "me")
    scan.run()
    (told,) = keeper.told
    x, m = by_name(told)["x"], by_name(told)["meter"]
    assert (told["why"], told["operator"], told["sample"]["ID"]) == ("start", "me", "S-1")
    assert (x["settings"], x["adapter"], x["class"], x["module"]) == (
        {"velocity": 2.0}, "GPIB0::8", "Stage", "tests.lab"
    )  # fmt: skip
    assert (m["settings"], m["identity"]) == ({"nplc": 1}, "ACME,9000,1,2.3")
    assert x["driver"]["class"] == "tests.lab.Stage"
    assert x["driver"]["source"].startswith("sha256:"), "code of one's own has no version, but a digest"
    assert {"pybirch", "numpy", "python", "platform", "host"} <= set(told["software"])
    assert "problems" not in x


def test_a_driver_of_a_package_is_told_with_its_version() -> None:
    meter = Meter()
    meter.instrument = threading_like = np.random.default_rng()  # type: ignore[attr-defined]
    told = conditions.driver_of(meter)
    assert (told["package"], told["version"]) == ("numpy", np.__version__)
    assert told["class"].endswith(type(threading_like).__name__)
    assert conditions.version_of("dateutil") is not None, "found though its package has another name"
    assert conditions.version_of("__main__") is None


@pytest.mark.parametrize("trouble", [RuntimeError("no answer"), ValueError("\udc80 half")])
def test_settings_that_cannot_be_read_stop_no_scan(trouble: Exception) -> None:
    def fail() -> dict[str, Any]:
        raise trouble

    keeper, meter = Keeper(), Asking(answers=fail)
    scan = line_scan(Stage(), meter, 3, extensions=[keeper])
    scan.run()
    told = by_name(keeper.told[0])["meter"]
    assert scan.state is ScanState.COMPLETED
    assert told["problems"][0].startswith(f"settings: {type(trouble).__name__}: ")
    assert "settings" not in told
    told["problems"][0].encode()


def test_settings_that_never_come_stop_no_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "PATIENCE", 0.05)
    never = threading.Event()
    keeper = Keeper()
    meter = Asking(answers=lambda: {"late": never.wait(20)})
    scan = line_scan(Stage(), meter, 3, extensions=[keeper])
    scan.run()
    never.set()
    told = by_name(keeper.told[0])
    assert (scan.state, scan.counts) == (ScanState.COMPLETED, {"meter": 3})
    assert told["meter"]["problems"] == ["did not tell within 0.05 s"]
    assert "problems" not in told["x"]


def asking() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "settings of meter"]


def test_a_driver_that_hangs_is_asked_by_one_thread_which_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor
) -> None:
    monkeypatch.setattr(conditions, "PATIENCE", 0.05)
    door, keeper = Doorway(), Keeper()
    meter = Asking(answers=door.pass_through)
    for _ in range(3):
        line_scan(Stage(), meter, 2, extensions=[keeper]).run()
    told = [by_name(one)["meter"]["problems"] for one in keeper.told]
    assert told == [["did not tell within 0.05 s"], *[[STILL_ASKED]] * 2]
    assert len(asking()) == 1
    door.open()
    wait_for(lambda: not asking(), what="the thread ends when the driver returns")
    meter.asked = lambda: {"range": 1}
    line_scan(Stage(), meter, 2, extensions=[keeper]).run()
    assert by_name(keeper.told[-1])["meter"]["settings"] == {"range": 1}


def test_settings_without_end_are_not_kept() -> None:
    keeper, meter = Keeper(), Asking(answers=lambda: {"trace": [0.1] * 100_000})
    line_scan(Stage(), meter, 1, extensions=[keeper]).run()
    assert "too many to keep" in by_name(keeper.told[0])["meter"]["problems"][0]


def test_an_extension_that_cannot_keep_them_stops_no_scan() -> None:
    scan = line_scan(Stage(), Meter(), 2, extensions=[Keeper(OSError("disk full"))])
    scan.run()
    assert scan.state is ScanState.COMPLETED


def test_a_scan_whose_instruments_do_not_come_up_tells_all_else() -> None:
    keeper = Keeper()
    scan = line_scan(Stage(trouble={"connect": OSError("no cable")}), Meter(), 2, extensions=[keeper])
    with pytest.raises(OSError, match="no cable"):
        scan.run()
    (told,) = keeper.told
    assert by_name(told)["meter"]["problems"] == ["not asked: it was not brought up"]
    assert told["software"]["numpy"] == np.__version__


@pytest.mark.parametrize("on_pause", ["hold", "safe"])
@pytest.mark.parametrize("touched", [False, True])
def test_after_a_pause_only_what_is_new_is_told(on_pause: str, touched: bool) -> None:
    keeper, door = Keeper(), Doorway()
    meter = Meter(doors={2: door})
    scan = line_scan(Stage(), meter, 5, extensions=[keeper])
    scan.settings.on_pause = on_pause
    with running(scan):
        door.wait_until_entered()
        scan.pause()
        door.open()
        assert scan.wait_for(lambda one: one.state is ScanState.PAUSED, 5.0)
        if touched:
            meter.settings = {"range": 10}
        scan.resume()
    assert scan.state is ScanState.COMPLETED
    assert [told["why"] for told in keeper.told] == ["start", *(["resume"] if touched else [])]
    assert by_name(keeper.told[-1])["meter"].get("settings") == ({"range": 10} if touched else None)


def test_nothing_is_asked_for_when_nobody_keeps_it() -> None:
    asked: list[int] = []
    line_scan(Stage(), Asking(answers=lambda: asked.append(1) or {}), 3).run()
    assert asked == []


def test_the_hardwares_own_words_are_an_attribute_of_every_instrument() -> None:
    assert BaseMeasurementInstrument("a").identity == ""
