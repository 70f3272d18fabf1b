"""Samples and equipment in the browser."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

pytestmark = pytest.mark.browser


def picture(colour: str) -> dict[str, Any]:
    made = BytesIO()
    Image.new("RGB", (300, 200), colour).save(made, "PNG")
    return {"name": f"{colour}.png", "mimeType": "image/png", "buffer": made.getvalue()}


def width(page: Any, selector: str) -> int:
    """That of a picture, once it is there; an error where it cannot be shown."""
    return page.locator(selector).evaluate("img => img.decode().then(() => img.naturalWidth)")


def submit(page: Any) -> None:
    page.click("dialog button[type=submit]")


def names(page: Any) -> list[str]:
    return page.locator("#samples-table .name-cell .row-link").all_inner_texts()


def test_samples_are_found_and_the_address_says_how(lab: Any, look: Callable[..., Any]) -> None:
    lab.db.create_sample(sample_id="A", material="Si", additional_tags=["cold"])
    lab.db.create_sample(sample_id="B", material="Ge", additional_tags=["cold", "thin"])
    lab.db.create_sample(sample_id="old", material="Ge")
    lab.db.archive_sample("old")
    page = look("/samples")
    page.click("th button >> text=Material")
    page.wait_for_url("**/samples?sort=material")
    page.wait_for_selector("#samples-table tbody tr:first-child .row-link >> text=/^B$/")
    page.select_option("[name=tag]", "thin")
    page.wait_for_url("**tag=thin**")
    page.wait_for_selector("#samples-table tbody tr:nth-child(2)", state="detached")
    page.reload()
    page.wait_for_selector("#samples-table tbody tr")
    assert (names(page), page.input_value("[name=tag]")) == (["B"], "thin")
    page.select_option("[name=archived]", "true")
    page.fill("[name=search]", "nothing of that kind")
    page.wait_for_selector("text=Nothing fits")
    assert look("/samples?tag=nobody's").input_value("[name=tag]") == "nobody's"
    page = look("/samples?archived=true&search=old")
    page.wait_for_selector("#samples-table .tag >> text=archived")


def test_a_sample_is_made_edited_and_archived(lab: Any, look: Callable[..., Any]) -> None:
    lab.db.create_sample(sample_id="W-1")
    page = look("/samples")
    page.click("#sample-new")
    page.fill("[name=ID]", "W-1")
    submit(page)
    page.wait_for_selector(".form-row.wrong >> text=already")
    page.fill("[name=ID]", "P-1")
    page.fill("[name=tags]", "thin, cold")
    page.fill("[name=parents]", "W-1")
    submit(page)
    page.wait_for_selector("#sample-name >> text=P-1")
    page.wait_for_selector("#sample-parents >> text=W-1")
    page.click("#sample-edit")
    page.fill("[name=parents]", "P-1")
    submit(page)
    page.wait_for_selector(".form-row.wrong >> text=cannot be made from itself")
    page.fill("[name=parents]", "")
    page.fill("[name=material]", "GaAs")
    submit(page)
    page.wait_for_selector("#sample-facts >> text=GaAs")
    page.wait_for_selector("#sample-parents >> text=Nothing that is recorded")
    row = lab.db.get_sample("P-1")
    assert (row.material, row.additional_tags) == ("GaAs", ["thin", "cold"])
    page.click("#sample-archive")
    page.click("dialog >> text=Archive >> nth=-1")
    page.wait_for_selector("#sample-archived >> text=archived")
    page.click("#sample-archive")
    page.wait_for_selector("#sample-archived .tag", state="detached")


def test_pictures_are_added_and_one_is_the_cover(lab: Any, look: Callable[..., Any]) -> None:
    number = lab.db.create_sample(sample_id="A").id
    lab.scan("S", state="completed", sample_id="A")
    page = look(f"/samples/{number}")
    page.wait_for_selector("#sample-scans >> text=scan S")
    page.set_input_files("#picture-file", picture("red"))
    page.wait_for_selector("figcaption >> text=red.png")
    page.set_input_files("#picture-file", picture("blue"))
    page.wait_for_selector("figcaption >> text=blue.png")
    assert width(page, ".picture img") == 300
    page.click("text=Make cover")
    page.wait_for_selector("text=Make cover", state="detached")
    assert lab.db.pictures.of("A")[0].caption == "blue.png"
    page.set_input_files("#picture-file", picture("red") | {"buffer": b"<svg/>"})
    page.wait_for_selector(".toast-box.error >> text=is not a whole picture")
    page = look("/samples")
    assert width(page, "#samples-table img") == 300


def test_calibrations_and_maintenance_are_noted(lab: Any, look: Callable[..., Any]) -> None:
    number = lab.db.register_instrument({"name": "dmm", "kind": "measurement"}).id
    lab.db.equipment.set_status(number, "error", error="no answer")
    old = datetime.now(UTC) - timedelta(days=400)
    lab.db.create_calibration(equipment_id=number, performed_at=old, due_at=old + timedelta(days=365))
    page = look("/equipment")
    page.wait_for_selector("#equipment-table .due.overdue >> text=calibration overdue since")
    page.click("#equipment-table .row-link")
    page.wait_for_selector("#equipment-due .notice.error")
    page.wait_for_selector("#equipment-history >> text=no answer")
    page.click("#equipment-calibrate")
    page.fill("[name=parameters]", "offset (mV) 0.12")
    submit(page)
    page.wait_for_selector(".form-row.wrong >> text=with = between")
    page.fill("[name=parameters]", "offset (mV) = 0.12\nby eye = yes")
    submit(page)
    page.wait_for_selector("#equipment-calibrations >> text=offset (mV) 0.12, by eye yes")
    page.wait_for_selector("#equipment-due .notice", state="detached")
    page.click("#equipment-maintain")
    page.fill("[name=what]", "fan")
    submit(page)
    page.wait_for_selector("#equipment-maintenance >> text=operator-person")
    page.click("#equipment-maintenance .undo-cell button")
    page.click("dialog >> text=Take it back")
    page.wait_for_selector("#equipment-maintenance >> text=No maintenance yet")
    [made, _] = lab.db.upkeep.calibrations.of(number)
    assert (made.parameters, made.performed_by) == ({"offset (mV)": 0.12, "by eye": "yes"}, "operator-person")


def test_new_equipment_and_what_is_said_of_it(lab: Any, look: Callable[..., Any]) -> None:
    page = look("/equipment")
    page.wait_for_selector("text=No equipment yet")
    page.click("#equipment-new")
    page.fill("[name=name]", "pump")
    page.select_option("dialog [name=kind]", "movement")
    submit(page)
    page.wait_for_selector("#equipment-name >> text=pump")
    page.click("#equipment-edit")
    page.fill("[name=location]", "cellar")
    submit(page)
    page.wait_for_selector("#equipment-facts >> text=cellar")
