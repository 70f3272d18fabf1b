"""Scans and queues kept to be run again: saved, changed with their versions kept, made anew."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from database.models.queue import Queue
from database.models.sample import Sample
from database.models.scan import Scan
from database.models.template import QueueTemplate, ScanTemplate, TemplateVersion
from database.services.fields import checked
from database.services.records import Key, Records
from database.services.resolve import number_of
from database.session import Database
from pybirch.errors import FieldError, NotFoundError
from pybirch.samples import Sample as CoreSample

T = TypeVar("T", ScanTemplate, QueueTemplate)
Settings = dict[str, Any]
LONGEST_NAME = 200


class _Templates(Records[T], Generic[T]):
    """What templates of both kinds have in common."""

    kind: str

    def save(
        self,
        name: str,
        source: Any,
        *,
        description: str = "",
        owner: str = "",
        changes: Mapping[str, Any] | None = None,
    ) -> T:
        """Keep a new template.

        Args:
            name: unique among the templates of its kind.
            source: what it is made of: the text id or number of what is stored, a core object, or settings.
            changes: path of a field -> its value, other than in the source.

        Raises:
            FieldError: names the field that is wrong.
            NotFoundError: there is no such source.
        """
        settings = self._checked(self._changed(self.settings_from(source), changes or {}))
        return self.create(name=_name(name), description=description, owner=owner, settings=settings)

    def change(
        self,
        key: Key,
        changes: Mapping[str, Any] | None = None,
        *,
        source: Any = None,
        by: str = "",
        seen: int | None = None,
        **fields: Any,
    ) -> T:
        """Change a template; where its settings become others, its version goes up and the old one is kept.

        Args:
            changes: path of a field of the settings -> its new value.
            source: as for `save`; its settings take the place of those there are, before the changes.
            by: who.
            seen: the version that the author of the change knows.
            fields: `name`, `description`, `owner`.

        Raises:
            FieldError: names the field that is wrong.
            NotFoundError: there is no such template.
        """
        row = self.get(key)
        settings = row.settings if source is None else self.settings_from(source)
        if changes or source is not None:
            fields["settings"] = self._checked(self._changed(settings, changes or {}))
        if "name" in fields:
            fields["name"] = _name(fields["name"])
        return self._replace(key, fields, by, seen=row.version if seen is None else seen)

    def update(self, key: Key, **fields: Any) -> T:
        """Change fields as they are given; settings that are replaced are kept as a version."""
        return self._replace(key, fields, "")

    def settings_of(self, key: Key, version: int | None = None) -> Settings:
        """The settings of a version, the present ones without.

        Raises:
            NotFoundError: there is no such template or version.
        """
        row = self.get(key)
        if version is None or version == row.version:
            return row.settings
        found = [one for one in self.versions(key) if one.version == version]
        if not found:
            raise NotFoundError(
                f"template {row.name!r} has no version {version}; its newest is {row.version}"
            )
        return found[0].settings

    def versions(self, key: Key) -> list[TemplateVersion]:
        """What the template was before it was changed, oldest first."""
        with self._db.read() as session:
            number = self._load(session, key).id
            query = select(TemplateVersion).where(
                TemplateVersion.kind == self.kind, TemplateVersion.template_id == number
            )
            return list(session.scalars(query.order_by(TemplateVersion.version)))

    def bring_back(self, key: Key) -> T:
        """Take an archived template into the lists again."""
        return self._replace(key, {"archived_at": None}, "")

    def settings_from(self, source: Any) -> Settings:
        """The settings of what is stored, of a core object, or as they are."""
        raise NotImplementedError

    def _changed(self, settings: Settings, changes: Mapping[str, Any]) -> Settings:
        raise NotImplementedError

    def _checked(self, settings: Settings) -> Settings:
        raise NotImplementedError

    def _replace(self, key: Key, fields: Mapping[str, Any], by: str, seen: int | None = None) -> T:
        if "version" in fields:
            raise FieldError("version", "goes up by itself, when the settings are changed")

        def work(session: Session) -> T:
            row = session.scalars(self._select(key).with_for_update()).first() or self._load(session, key)
            if seen is not None and row.version != seen:
                raise FieldError("version", "somebody has changed this template meanwhile; look again")
            new = checked(self._model, fields, new=False)
            if "settings" in new and new["settings"] != row.settings:
                session.add(
                    TemplateVersion(
                        kind=self.kind, template_id=row.id, version=row.version, settings=row.settings, by=by
                    )
                )
                row.version += 1
            for name, value in new.items():
                setattr(row, name, value)
            self._flush(session, fields)
            return self._loaded(session, row)

        return self._db.transact(work)

    def _sample(self, sample: CoreSample | Key | None) -> CoreSample | None:
        if sample is None or isinstance(sample, CoreSample):
            return sample
        with self._db.read() as session:
            try:
                number = number_of(session, Sample, Sample.sample_id, sample)
            except NotFoundError as error:
                raise FieldError("sample", str(error)) from error
            return session.get_one(Sample, number).to_pybirch_sample()


class ScanTemplates(_Templates[ScanTemplate]):
    kind = "scan"

    def __init__(self, database: Database) -> None:
        super().__init__(database, ScanTemplate, text_key="name", search=("name", "description", "owner"))

    def make(
        self,
        key: Key,
        instruments: Any,
        changes: Mapping[str, Any] | None = None,
        *,
        sample: CoreSample | Key | None = None,
        owner: str = "",
        version: int | None = None,
    ) -> Any:
        """A new core scan from a template; give it to a queue, or run it.

        Args:
            instruments: those there are, by name or as a list.
            changes: path of a field -> its value, e.g. ``{"scan_tree[0].positions.stop": 12}``.
            sample: what it is measured on; the ID of a stored one will do.
            version: another than the present one.

        Raises:
            FieldError: names the field that is wrong.
            NotFoundError: there is no such template or version.
        """
        from pybirch.queue.making import make_scan

        settings = self.settings_of(key, version)
        return make_scan(settings, instruments, changes, sample=self._sample(sample), owner=owner)

    def settings_from(self, source: Any) -> Settings:
        if isinstance(source, int | str):
            with self._db.read() as session:
                number = number_of(session, Scan, Scan.scan_id, source)
                return session.get_one(Scan, number).settings
        return _serialized(getattr(source, "settings", source), "a scan, its scan_id, or settings")

    def _changed(self, settings: Settings, changes: Mapping[str, Any]) -> Settings:
        from pybirch.scan.changes import with_changes

        return with_changes(settings, changes)

    def _checked(self, settings: Settings) -> Settings:
        from pybirch.scan.settings import ScanSettings

        return ScanSettings.deserialize(settings).serialize()


class QueueTemplates(_Templates[QueueTemplate]):
    kind = "queue"

    def __init__(self, database: Database) -> None:
        super().__init__(database, QueueTemplate, text_key="name", search=("name", "description", "owner"))

    def add_to(
        self,
        queue: Any,
        key: Key,
        instruments: Any,
        changes: Mapping[str, Any] | None = None,
        *,
        sample: CoreSample | Key | None = None,
        version: int | None = None,
        by: str = "",
    ) -> list[str]:
        """Queue the template's scans anew, all or none, on their terms; their scan_ids.

        Args:
            queue: a core queue.
            instruments: those there are, by name or as a list.
            changes: path of a field -> its value, with the scan's place: ``{"scans[0].scan_name": "a"}``.
            sample: of all of them, instead of the one each was kept with.

        Raises:
            FieldError: names the field that is wrong.
            NotFoundError: there is no such template or version.
        """
        from pybirch.queue.making import add_to, make_scans

        kept = self.settings_of(key, version)
        return add_to(queue, make_scans(kept, instruments, changes, sample=self._sample(sample)), by=by)

    def settings_from(self, source: Any) -> Settings:
        from pybirch.queue.making import kept_of

        if isinstance(source, int | str):
            with self._db.read() as session:
                number = number_of(session, Queue, Queue.queue_id, source)
                row = session.get_one(Queue, number, options=(selectinload(Queue.scans),))
                return kept_of(_as_serialized(row))
        return kept_of(_serialized(source, "a queue, its queue_id, or what its `serialize` gave"))

    def _changed(self, settings: Settings, changes: Mapping[str, Any]) -> Settings:
        from pybirch.queue.making import changed_queue

        return changed_queue(settings, changes)

    def _checked(self, settings: Settings) -> Settings:
        from pybirch.scan.settings import ScanSettings

        for place, one in enumerate(settings.get("scans") or ()):
            try:
                ScanSettings.deserialize(one.get("settings") or {})
            except FieldError as error:
                raise FieldError(f"scans[{place}].{error.field}", error.problem) from error
        if not settings.get("scans"):
            raise FieldError("scans", "is empty; a template needs at least one scan")
        return settings


class Templates:
    """Scans and queues kept to be run again."""

    def __init__(self, database: Database) -> None:
        self.scans = ScanTemplates(database)
        self.queues = QueueTemplates(database)


def _name(name: Any) -> str:
    text = name.strip() if isinstance(name, str) else ""
    if not text:
        raise FieldError("name", "a template needs a name")
    if len(text) > LONGEST_NAME:
        raise FieldError("name", f"{len(text)} characters are too many; {LONGEST_NAME} at most")
    return text


def _serialized(source: Any, wanted: str) -> Settings:
    if isinstance(source, Mapping):
        return dict(source)
    try:
        return source.serialize()
    except AttributeError:
        raise FieldError("source", f"must be {wanted}, not {type(source).__name__}") from None


def _as_serialized(row: Queue) -> Settings:
    """A stored queue as `pybirch.queue.queue.Queue.serialize` gives one."""
    return {
        "mode": row.mode.value,
        "max_parallel_scans": row.max_parallel_scans,
        "policy": dict(row.policy or {}),
        "scans": [
            {
                "scan_id": scan.scan_id,
                "settings": scan.settings,
                "sample": scan.sample.to_pybirch_sample().serialize() if scan.sample else None,
                "owner": scan.owner,
                "terms": dict(scan.terms or {}),
                "restarted_from": scan.restarted_from,
            }
            for scan in row.scans
        ],
    }
