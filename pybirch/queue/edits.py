"""What people change in a queue: which scans, in what order, on what terms, by what rules."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pybirch.errors import EditConflictError, FieldError, IllegalTransitionError, NotFoundError
from pybirch.queue.handles import ScanHandle
from pybirch.queue.notes import by_whom
from pybirch.queue.policy import QueuePolicy
from pybirch.queue.terms import Terms
from pybirch.queue.turns import circle
from pybirch.scan.changes import with_changes
from pybirch.scan.scan import Scan
from pybirch.scan.settings import ScanSettings
from pybirch.states import ExecutionMode, ScanState

if TYPE_CHECKING:
    from pybirch.queue.dispatcher import Dispatcher
    from pybirch.queue.notes import Notes
    from pybirch.queue.places import Places

log = logging.getLogger(__name__)


class Edits:
    """The part of a `Queue` that is edited; see there.

    Whoever edits what they have seen passes the `revision` they saw: where somebody else has edited
    the queue since, nothing is done and `EditConflictError` says who and what. `by` is kept in the log.

    Attributes:
        policy: what the queue does by itself.
        revision: goes up with every edit.
    """

    QID: str
    policy: QueuePolicy
    revision: int
    _last_edit: str
    _notes: Notes
    _places: Places
    _dispatcher: Dispatcher

    # Which scans

    def enqueue(self, scan: Scan, terms: Terms | Mapping[str, Any] | None = None, *, by: str = "") -> str:
        """Add a scan at the end; a running queue takes it in its turn.

        Args:
            terms: how urgent, not before when, after what, how often (see `Terms`).

        Returns:
            Its scan_id.

        Raises:
            ScanSettingsError: the scan could not run; names the field.
            FieldError: it is no scan, has been run, or is here already; a term is wrong.
        """
        given = terms if isinstance(terms, Terms) else Terms().with_changes(terms or {})
        adopts = given.rounds == 1 if isinstance(terms, Terms) else "rounds" not in (terms or {})
        scan_id = getattr(scan, "scan_id", "")
        with self._places.editing:
            self._check_after(scan_id, given.after)
            fitted = self._fitted(scan_id, Terms(), given, adopts)
            handle = self._places.insert(scan, fitted)
            self._agree_on_rounds(handle, fitted)
        self._show_new(scan)
        self._notes.write("INFO", f"{scan.settings.scan_name} queued{by_whom(by)}", scan)
        self._notes.flush()
        return scan.scan_id

    def dequeue(self, scan: int | str = 0, *, by: str = "", revision: int | None = None) -> Scan:
        """Take a scan out, by place or scan_id.

        Raises:
            NotFoundError: it is not here.
            IllegalTransitionError: it is under way.
            EditConflictError: somebody has edited the queue since `revision`.
        """
        with self._dispatcher.kept_awake():
            with self._edit(revision, by) as edit:
                handle = self._places.remove(scan)
                edit(f"{handle.scan.settings.scan_name} taken out", handle.scan)
            self._close_ranks(handle)
        return handle.scan

    def clear(self) -> None:
        """Take out every scan that is not under way."""
        for handle in self._places.all():
            with suppress(IllegalTransitionError, NotFoundError):
                self.dequeue(handle.scan_id)

    def replace_scan(self, index: int, scan: Scan) -> str:
        """Put `scan` in the place of one that has not been started, on its terms.

        Raises:
            IllegalTransitionError: the scan there is under way.
        """
        with self._edit(None, "") as edit:
            self._places.replace(index, scan)
            edit(f"{scan.settings.scan_name} put in place {index}", scan)
        self._show_new(scan)
        self._notes.flush()
        return scan.scan_id

    def restart(self, scan_id: str, *, by: str = "") -> str:
        """Queue a new scan with the same settings.

        Extensions go with it, but those that are made for one scan (`goes_on` False). Whether to
        go on with a scan that was interrupted is answered by it.

        Returns:
            The new scan_id; its `restarted_from` is `scan_id`.

        Raises:
            IllegalTransitionError: the scan has not ended.
        """
        handle = self._places.of(scan_id)
        if not handle.state.is_finished:
            raise IllegalTransitionError(
                f"scan {scan_id} is {handle.state}; only a scan that has ended is run again"
            )
        if handle.state is not ScanState.INTERRUPTED:
            return self.enqueue(self._again(handle.scan), Terms(priority=handle.terms.priority), by=by)
        scan = self._again(handle.scan)
        with self._places.editing:
            self._places.insert(scan, replace(handle.terms, left=False), handle)
            self._places.set_terms(handle, replace(handle.terms, left=True))
        self._show_new(scan)
        self._notes.write("INFO", f"{scan.settings.scan_name} queued again{by_whom(by)}", scan)
        self._notes.flush()
        return scan.scan_id

    def leave(self, scan_id: str, *, by: str = "", why: str = "") -> None:
        """Let an interrupted scan be as it is: nobody is asked about it any more.

        Raises:
            IllegalTransitionError: it was not interrupted.
        """
        handle = self._places.of(scan_id)
        if handle.state is not ScanState.INTERRUPTED or handle.scan.is_waiting:
            raise IllegalTransitionError(f"scan {scan_id} is {handle.state}; only an interrupted one is left")
        with self._edit(None, by, why) as edit:
            self._places.set_terms(handle, replace(handle.terms, left=True))
            edit(f"{handle.scan.settings.scan_name} is left as it is", handle.scan)

    def duplicate(
        self,
        scan_id: str,
        changes: Mapping[str, Any] | None = None,
        *,
        instruments: Mapping[str, Any] | None = None,
        by: str = "",
    ) -> str:
        """Queue a new scan with the settings of another, some of them changed.

        Args:
            changes: fields of `ScanSettings` as `serialize` gives them, e.g. ``{"scan_name": "finer"}``, or
                paths into them, e.g. ``{"scan_tree[0].positions.stop": 12}`` (see `pybirch.scan.changes`);
                a `scan_tree` may use the instruments of the scan, and `instruments`, by name.

        Returns:
            The new scan_id.

        Raises:
            ScanSettingsError: names the field that is wrong.
            NotFoundError: there is no such scan.
        """
        handle = self._places.of(scan_id)
        old = handle.scan
        settings = old.settings
        if changes:
            known = {one.name: one for one in old.instruments} | dict(instruments or {})
            settings = _changed(settings, changes, known)
        scan = Scan(settings, old.sample, self._kept_extensions(old), old.owner)
        return self.enqueue(scan, Terms(priority=handle.terms.priority), by=by)

    # In what order, on what terms

    def move_scan(self, from_index: int, to_index: int) -> None:
        """Move a scan to another place.

        Raises:
            NotFoundError: no such place.
        """
        with self._edit(None, "") as edit:
            handle = self._places.move(from_index, to_index)
            edit(f"{handle.scan.settings.scan_name} moved to place {to_index}", handle.scan)

    def move_before(
        self, scan_id: str, before: str | None, *, by: str = "", revision: int | None = None
    ) -> None:
        """Move a scan before another; with None to the end.

        Raises:
            NotFoundError: one of them is not here.
            EditConflictError: somebody has edited the queue since `revision`.
        """
        with self._edit(revision, by) as edit:
            self._places.move_before(scan_id, before)
            scan = self._places.of(scan_id).scan
            to = f"before {self._places.of(before).scan.settings.scan_name}" if before else "to the end"
            edit(f"{scan.settings.scan_name} moved {to}", scan)

    def set_terms(
        self, scan_id: str, changes: Mapping[str, Any], *, by: str = "", revision: int | None = None
    ) -> Terms:
        """Change the terms of a scan that has not begun (see `Terms`); `rounds` those of its whole group.

        Returns:
            The terms it has now.

        Raises:
            FieldError: names the term that is wrong; scans that would wait for each other.
            IllegalTransitionError: it has begun; of one that has, only `rounds` can be changed.
            EditConflictError: somebody has edited the queue since `revision`.
        """
        with self._dispatcher.kept_awake(), self._edit(revision, by) as edit:
            handle = self._places.of(scan_id)
            if handle.state is not ScanState.QUEUED and set(changes) - {"rounds"}:
                raise IllegalTransitionError(f"scan {scan_id} is {handle.state}; its terms are past")
            before, terms = handle.terms, handle.terms.with_changes(changes)
            self._check_after(scan_id, terms.after)
            self._agree_on_rounds(handle, self._fitted(scan_id, before, terms, "rounds" not in changes))
            told = self._in_words(handle.terms, before)
            edit(f"{handle.scan.settings.scan_name}: {told or 'terms as before'}", handle.scan)
            self._take_up_rounds()
        return handle.terms

    def keep_terms(self, scan_id: str, terms: Terms) -> None:
        """What the queue itself notes in a scan's terms: no edit by anybody."""
        self._places.set_terms(self._places.of(scan_id), terms)

    def group(
        self,
        scan_ids: Sequence[str],
        group: str,
        rounds: int = 1,
        *,
        by: str = "",
        revision: int | None = None,
    ) -> None:
        """Make queued scans a group, which is run `rounds` times; 0: until somebody stops it.

        Raises:
            FieldError: names what is wrong.
            IllegalTransitionError: one of them has begun.
            EditConflictError: somebody has edited the queue since `revision`.
        """
        if not str(group).strip():
            raise FieldError("group", "a group needs a name")
        with self._edit(revision, by) as edit:
            handles = [self._places.of(scan_id) for scan_id in scan_ids]
            begun = next((h for h in handles if h.state is not ScanState.QUEUED), None)
            if begun is not None:
                raise IllegalTransitionError(
                    f"scan {begun.scan_id} is {begun.state}; it can join no group now"
                )
            terms = [h.terms.with_changes({"group": group, "rounds": rounds}) for h in handles]
            for handle, wanted in zip(handles, terms, strict=True):
                self._agree_on_rounds(
                    handle, self._fitted(handle.scan_id, handle.terms, wanted, adopts=False)
                )
            edit(f"group {group}: {len(handles)} scans, {_rounds(rounds)}")

    def set_policy(self, changes: Mapping[str, Any], *, by: str = "", revision: int | None = None) -> None:
        """Change what the queue does by itself (see `QueuePolicy`), or its `mode`.

        Raises:
            FieldError: names the rule that is wrong.
            EditConflictError: somebody has edited the queue since `revision`.
        """
        rules = dict(changes)
        with self._edit(revision, by) as edit:
            before = self.policy.as_json() | {"mode": str(self._dispatcher.mode)}
            mode = _mode(rules.pop("mode", self._dispatcher.mode))
            self.policy = self.policy.with_changes(rules)
            self._dispatcher.mode = mode
            now = self.policy.as_json() | {"mode": str(mode)}
            told = ", ".join(
                f"{_word(key)} {_word(value)}" for key, value in now.items() if value != before[key]
            )
            edit(f"rules: {told or 'as before'}")

    # One edit

    @contextmanager
    def _edit(self, revision: int | None, by: str, why: str = "") -> Iterator[_Told]:
        """One edit, and nobody else's meanwhile: written down and told when it is done."""
        told = _Told()
        with self._places.editing:
            if revision is not None and revision != self.revision:
                since = f": {self._last_edit}" if self._last_edit else ""
                raise EditConflictError(
                    f"queue {self.QID} was edited since you looked{since}. Nothing was done; look again."
                )
            yield told
            self.revision += 1
            self._last_edit = f"{told.what}{by_whom(by)}"
            self._notes.keep("queue_changed", self)
        self._notes.write("INFO", f"{told.what}{by_whom(by, why)}", told.scan)
        self._publish_status()
        self._notes.flush()

    def _check_after(self, scan_id: str, after: Sequence[str]) -> None:
        if not after:
            return
        handles = self._places.all()
        known = {handle.scan_id for handle in handles}
        missing = next((key for key in after if key not in known), None)
        if missing is not None:
            raise FieldError("after", f"there is no scan {missing!r} in queue {self.QID}")
        if way := circle(handles, scan_id, after):
            raise FieldError("after", f"these would wait for each other: {', '.join(way)}")

    def _in_words(self, terms: Terms, before: Terms) -> str:
        """What is new in the terms, for the log."""
        names = {h.scan_id: h.scan.settings.scan_name for h in self._places.all()}
        told = {
            "priority": f"priority {terms.priority}",
            "not_before": f"not before {terms.not_before:%Y-%m-%d %H:%M} UTC"
            if terms.not_before
            else "at any time",
            "after": f"after {', '.join(names.get(key, key) for key in terms.after)}"
            if terms.after
            else "after nothing",
            "group": f"in group {terms.group}" if terms.group else "in no group",
            "rounds": _rounds(terms.rounds),
        }
        return ", ".join(words for key, words in told.items() if getattr(terms, key) != getattr(before, key))

    def _fitted(self, scan_id: str, before: Terms, terms: Terms, adopts: bool) -> Terms:
        """The terms as they fit a group: what is repeated has one; who joins one is of its newest round.

        Args:
            adopts: the rounds of the group are to be its own too.
        """
        if terms.rounds != 1 and not terms.group:
            return replace(terms, group=scan_id)
        others = [h.terms for h in self._places.all() if terms.group and h.terms.group == terms.group]
        if not others or before.group == terms.group:
            return terms
        rounds = others[0].rounds if adopts else terms.rounds
        newest = max(other.round for other in others)
        return replace(terms, round=newest, rounds=rounds if rounds == 0 else max(rounds, newest))

    def _agree_on_rounds(self, handle: ScanHandle, terms: Terms) -> None:
        """Set the terms; all of the group agree on the rounds, as far as they are not past."""
        self._places.set_terms(handle, terms)
        for other in self._places.all() if terms.group else ():
            if other.terms.group == terms.group and other is not handle:
                rounds = terms.rounds if terms.rounds == 0 else max(terms.rounds, other.terms.round)
                self._places.set_terms(other, replace(other.terms, rounds=rounds))

    def _close_ranks(self, gone: ScanHandle) -> None:
        """A scan was taken out: its round may be over now; the last of the newest round ends the loop."""
        others = [h for h in self._places.all() if gone.terms.group and h.terms.group == gone.terms.group]
        newest = max((h.terms.round for h in others), default=0)
        if newest == gone.terms.round:
            self._take_up_rounds()
        elif newest < gone.terms.round:
            for other in others:
                self._places.set_terms(other, replace(other.terms, rounds=newest))

    # Of the queue

    def _take_up_rounds(self) -> None:
        raise NotImplementedError

    def _again(self, old: Scan) -> Scan:
        raise NotImplementedError

    def _kept_extensions(self, old: Scan) -> list[Any]:
        raise NotImplementedError

    def _show_new(self, scan: Scan) -> None:
        raise NotImplementedError

    def _publish_status(self) -> None:
        raise NotImplementedError


class _Told:
    """What an edit says of itself."""

    def __init__(self) -> None:
        self.what = "edited"
        self.scan: Scan | None = None

    def __call__(self, what: str, scan: Scan | None = None) -> None:
        self.what, self.scan = what, scan


def _changed(
    settings: ScanSettings, changes: Mapping[str, Any], instruments: Mapping[str, Any]
) -> ScanSettings:
    """Settings with some fields changed.

    Raises:
        FieldError: names the field.
    """
    made = ScanSettings.deserialize(with_changes(settings.serialize(), changes), instruments)
    if "extensions" not in changes:
        made.extensions = settings.extensions
    return made


def _mode(mode: Any) -> ExecutionMode:
    try:
        return ExecutionMode(mode)
    except ValueError as error:
        raise FieldError("mode", f"{mode!r} is not one of {', '.join(ExecutionMode)}") from error


def _rounds(rounds: int) -> str:
    return f"{rounds} {'round' if rounds == 1 else 'rounds'}" if rounds else "rounds until somebody stops it"


def _word(value: Any) -> str:
    return str(value).replace("_", " ")
