"""Samples and equipment over HTTP: who may, what is refused, and pictures that do nothing but show."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from database import images


def picture(kind: str = "PNG", colour: str = "red") -> bytes:
    made = BytesIO()
    Image.new("RGB", (60, 40), colour).save(made, kind)
    return made.getvalue()


class Client:
    """GET and POST with a token of these scopes; gives the answer."""

    def __init__(self, lab: Any, *scopes: str) -> None:
        self.client, self.headers = lab.app.test_client(), lab.token(*scopes)

    def get(self, path: str, **more: Any) -> Any:
        with self.client.get(path, headers=self.headers | more) as answer:
            answer.get_data()
        return answer

    def post(self, path: str, body: Any = None) -> Any:
        return self.client.post(path, headers=self.headers, json=body or {})

    def upload(self, number: int, content: bytes, name: str = "x.png", **form: str) -> Any:
        boundary, data = encode_multipart({"image": FileStorage(BytesIO(content), filename=name), **form})
        return self.client.post(
            f"/api/sample/{number}/pictures", headers=self.headers, data=data,
            content_type=f"multipart/form-data; boundary={boundary}",
        )  # fmt: skip


@pytest.fixture
def own(lab: Any) -> Client:
    return Client(lab, "operate")


@pytest.fixture
def reader(lab: Any) -> Client:
    return Client(lab, "read")


def test_a_sample_is_made_found_changed_and_archived(lab: Any, own: Client) -> None:
    lab.db.create_sample(sample_id="W-1")
    made = own.post(
        "/api/samples",
        {"ID": "P-1", "material": "GaAs", "tags": ["cold", "thin"], "parents": ["W-1"], "description": "d"},
    ).json
    assert (made["ID"], made["tags"], [one["ID"] for one in made["parents"]]) == (
        "P-1", ["cold", "thin"], ["W-1"],
    )  # fmt: skip
    lab.scan(sample_id="P-1")
    changed = own.post(f"/api/sample/{made['id']}", {"material": "InAs"}).json
    assert (changed["material"], changed["tags"], changed["scans"]) == ("InAs", ["cold", "thin"], 1)
    found = own.get("/api/samples?tag=thin,cold&search=inas&sort=-ID").json
    assert ([one["ID"] for one in found["items"]], found["total"]) == (["P-1"], 1)
    assert own.get("/api/samples/tags").json == [{"tag": "cold", "samples": 1}, {"tag": "thin", "samples": 1}]
    assert own.post(f"/api/sample/{made['id']}/archive").json["archived_at"]
    assert own.get("/api/samples?tag=thin").json["total"] == 0
    assert own.get("/api/samples?tag=thin&archived=true").json["total"] == 1
    assert own.post(f"/api/sample/{made['id']}/restore").json["archived_at"] is None
    assert own.get(f"/api/scans?sample_id={made['id']}").json["total"] == 1
    assert own.get(f"/api/scans?sample_id={made['id'] + 99}").json["total"] == 0
    assert lab.parts.errands.flush(5)
    assert [entry.action for entry in lab.db.audit.list()] == [
        "create_sample", "change_sample", "archive_sample", "restore_sample",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "ID"),
        ({"ID": " "}, "ID"),
        ({"ID": "taken"}, "ID"),
        ({"ID": "new", "tags": ["x" * 256]}, "tags[0]"),
        ({"ID": "new", "parents": ["nobody"]}, "parents[0]"),
        ({"ID": "new", "material": "x" * 256}, "material"),
        ({"ID": "new", "material": "a\x00"}, "material"),
        ({"ID": "new", "id": 3}, "id"),
    ],
)
def test_wrong_samples_are_refused_by_field(lab: Any, own: Client, body: Any, field: str) -> None:
    lab.db.create_sample(sample_id="taken")
    answer = own.post("/api/samples", body)
    assert (answer.status_code, answer.json["error"].get("field")) == (400, field)
    assert lab.db.samples.count() == 1


def test_who_was_overtaken_is_told(lab: Any, own: Client) -> None:
    number = lab.db.create_sample(sample_id="a").id
    seen = own.get(f"/api/sample/{number}").json["updated_at"]
    mine = own.post(f"/api/sample/{number}", {"material": "Si", "seen": seen})
    late = own.post(f"/api/sample/{number}", {"material": "Ge", "seen": seen})
    assert (mine.status_code, late.status_code) == (200, 409)
    assert lab.db.get_sample("a").material == "Si"
    seen = mine.json["updated_at"]
    assert own.post(f"/api/sample/{number}", {"material": "Ge", "seen": seen}).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/api/samples", "/api/sample/1", "/api/sample/1/archive", "/api/sample/1/restore",
     "/api/sample/1/picture/1/cover", "/api/sample/1/picture/1/remove", "/api/equipment",
     "/api/equipment/1", "/api/equipment/1/archive", "/api/equipment/1/restore",
     "/api/equipment/1/calibrations", "/api/equipment/1/maintenance",
     "/api/equipment/1/calibration/1/archive", "/api/equipment/1/maintenance/1/archive"],
)  # fmt: skip
def test_who_may_only_look_changes_nothing(lab: Any, reader: Client, path: str) -> None:
    lab.db.create_sample(sample_id="a")
    lab.db.register_instrument({"name": "dmm", "kind": "measurement"})
    body = {"ID": "b", "name": "n", "kind": "movement", "what": "w"}
    fields = {
        "/api/samples": ["ID"],
        "/api/equipment": ["name", "kind"],
        "/api/equipment/1/maintenance": ["what"],
    }
    answer = reader.post(path, {name: body[name] for name in fields.get(path, [])})
    assert answer.status_code == 403
    assert reader.upload(1, picture()).status_code == 403
    assert (lab.db.samples.count(), lab.db.equipment.count()) == (1, 1)


def test_a_picture_is_kept_and_shown_and_can_do_nothing(lab: Any, own: Client, reader: Client) -> None:
    number = lab.db.create_sample(sample_id="a").id
    content = picture("JPEG")
    told = own.upload(number, content, "../../evil.html", caption="<b>before</b>").json
    [one] = told["pictures"]
    assert (one["media_type"], one["width"], one["caption"]) == ("image/jpeg", 60, "<b>before</b>")
    answer = reader.get(one["url"])
    assert answer.data == content
    head = answer.headers
    assert (head["Content-Type"], head["X-Content-Type-Options"]) == ("image/jpeg", "nosniff")
    assert head["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert head["Cache-Control"] == "private, no-cache"
    assert "evil" not in str(head)
    assert reader.get(one["url"], **{"If-None-Match": head["ETag"]}).status_code == 304
    assert reader.get(one["preview"]).headers["Content-Type"] == "image/webp"
    stored = [path for path in lab.parts.settings.storage.rglob("*") if "evil" in path.name]
    assert stored == []


def test_a_picture_belongs_to_its_sample(lab: Any, own: Client) -> None:
    mine, other = (lab.db.create_sample(sample_id=name).id for name in "ab")
    own.upload(mine, picture())
    one = own.upload(mine, picture(colour="green")).json["pictures"][1]
    assert own.get(f"/api/sample/{other}/picture/{one['id']}").status_code == 404
    covered = own.post(f"/api/sample/{mine}/picture/{one['id']}/cover").json
    assert covered["cover"]["id"] == covered["pictures"][0]["id"] == one["id"]
    assert own.get("/api/samples").json["items"][0]["cover"]["id"] == one["id"]
    left = own.post(f"/api/sample/{mine}/picture/{one['id']}/remove").json
    assert one["id"] not in [left_one["id"] for left_one in left["pictures"]]
    assert own.get(one["url"]).status_code == 404


def test_the_unknown_get_no_picture(lab: Any, own: Client) -> None:
    number = lab.db.create_sample(sample_id="a").id
    [one] = own.upload(number, picture()).json["pictures"]
    stranger = lab.app.test_client()
    assert stranger.get(one["url"]).status_code == 401
    data = {"image": (BytesIO(picture()), "x.png")}
    assert stranger.post(f"/api/sample/{number}/pictures", data=data).status_code == 401


def test_what_is_no_picture_is_refused(lab: Any, own: Client) -> None:
    number = lab.db.create_sample(sample_id="a").id
    answer = own.upload(number, b"<svg onload=alert(1)>", "x.png")
    assert (answer.status_code, answer.json["error"]["field"]) == (400, "image")
    assert own.post(f"/api/sample/{number}/pictures").json["error"]["field"] == "image"
    assert lab.db.pictures.count() == 0


def test_a_picture_may_be_larger_than_other_requests_but_not_too_large(lab: Any, own: Client) -> None:
    number = lab.db.create_sample(sample_id="a").id
    large = picture("GIF") + b"\0" * 3_000_000
    assert own.upload(number, large).status_code == 200
    assert own.upload(number, b"x" * (images.MOST_BYTES + 100_000)).status_code == 413
    body = {"description": "x" * 2_000_000}
    assert own.post(f"/api/sample/{number}", body).status_code == 413


def test_a_lost_file_is_said(lab: Any, own: Client) -> None:
    number = lab.db.create_sample(sample_id="a").id
    [one] = own.upload(number, picture()).json["pictures"]
    for path in (lab.parts.settings.storage / "images").rglob("*.image"):
        path.unlink()
    answer = own.get(one["url"])
    assert (answer.status_code, "data folder" in answer.json["error"]["message"]) == (404, True)


def test_equipment_is_made_described_and_found(lab: Any, own: Client) -> None:
    made = own.post(
        "/api/equipment", {"name": "pump", "kind": "movement", "serial_number": "S7", "location": "cellar"}
    ).json
    assert (made["nickname"], made["status"], made["location"]) == ("pump", "disconnected", "cellar")
    changed = own.post(f"/api/equipment/{made['instrument_id']}", {"location": "attic"}).json
    assert (changed["location"], changed["serial_number"]) == ("attic", "S7")
    assert own.get("/api/equipment?search=s7&kind=movement&sort=-location").json["total"] == 1
    assert own.get("/api/equipment?kind=measurement").json["items"] == []
    own.post(f"/api/equipment/{made['instrument_id']}/archive")
    assert own.get("/api/equipment").json["total"] == 0
    assert own.get("/api/equipment?archived=true").json["total"] == 1
    own.post(f"/api/equipment/{made['instrument_id']}/restore")
    assert own.get("/api/equipment").json["total"] == 1
    again = own.post("/api/equipment", {"name": "pump", "kind": "movement"})
    assert (again.status_code, again.json["error"]["field"]) == (400, "name")


def test_work_is_noted_shown_and_due(lab: Any, own: Client) -> None:
    number = lab.db.register_instrument({"name": "dmm", "kind": "measurement"}).id
    lab.db.equipment.set_status(number, "idle")
    lab.db.equipment.set_status(number, "error", error="no answer")
    own.post(
        f"/api/equipment/{number}/calibrations",
        {"performed_at": "2024-01-01T00:00:00Z", "due_at": "2025-01-01T00:00:00Z", "certificate": "C-1",
         "parameters": {"offset": 0.1}},
    )  # fmt: skip
    told = own.post(f"/api/equipment/{number}/maintenance", {"what": "fan", "performed_by": "Ada"}).json
    assert [one["status"] for one in told["history"]] == ["error", "idle"]
    assert (told["calibrations"][0]["certificate"], told["calibrations"][0]["performed_by"]) == (
        "C-1",
        "test",
    )
    assert told["maintenance"][0]["performed_by"] == "Ada"
    assert (told["due"]["kind"], told["due"]["overdue"]) == ("calibration", True)
    assert [one["equipment_id"] for one in own.get("/api/equipment/due?days=1").json] == [number]
    assert own.get("/api/equipment").json["items"][0]["due"]["overdue"]
    entry = told["calibrations"][0]["id"]
    assert own.post(f"/api/equipment/{number}/calibration/{entry}/archive").json["due"] is None
    assert own.post(f"/api/equipment/{number}/maintenance/{entry + 9}/archive").status_code == 404
    wrong = own.post(f"/api/equipment/{number}/calibrations", {"due_at": "soon"})
    assert (wrong.status_code, wrong.json["error"]["field"]) == (400, "due_at")


@pytest.mark.parametrize("path", ["/samples", "/samples?tag=x&archived=true&sort=-ID", "/samples/1",
                                  "/equipment", "/equipment?search=a", "/equipment/1"])  # fmt: skip
def test_pages_render_with_their_first_json(lab: Any, path: str) -> None:
    lab.db.create_sample(sample_id="</script><script>alert(1)</script>", additional_tags=["<i>"])
    lab.db.register_instrument({"name": "</script><script>alert(1)</script>", "kind": "movement"})
    answer = lab.browser("viewer").get(path)
    text = answer.get_data(as_text=True)
    assert (answer.status_code, 'id="initial-data"' in text) == (200, True)
    assert "<script>alert" not in text
    assert "<i>" not in text


@pytest.mark.parametrize("path", ["/samples/7", "/equipment/7"])
def test_what_is_not_there_has_a_page_that_says_so(lab: Any, path: str) -> None:
    assert lab.browser("viewer").get(path).status_code == 404
