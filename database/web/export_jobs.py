"""Exports that are built before they are fetched: a few at a time, in files that go after an hour."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from werkzeug.exceptions import ServiceUnavailable

from database.web.config import make_private_folder
from pybirch.errors import NoRoomError, NotFoundError, PyBirchError
from pybirch.export.progress import ExportCancelledError, Tell

log = logging.getLogger(__name__)

AT_ONCE = 2
EACH = 4
"""Of one person, built or waiting."""
KEPT = 3600.0
"""Seconds that a file is there to be fetched."""
RESERVE = 500_000_000
"""Bytes of the disk that no export takes: measuring goes before."""
UNKNOWN = "Something went wrong in the server; what was measured is safe. Details are in its log."

Make = Callable[[Path, Tell], object]
"""Writes the file; tells how far it is."""


@dataclass(eq=False)
class ExportJob:
    """One export; `name` is what the file is called when it is fetched."""

    id: str
    person: str
    name: str
    mime: str
    path: Path
    progress: float = 0.0
    ended_at: float | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    future: Future[object] = field(default_factory=Future)

    @property
    def state(self) -> str:
        """waiting, building, ready or failed."""
        if self.future.done():
            return "failed" if self.error else "ready"
        return "building" if self.future.running() else "waiting"

    @property
    def error(self) -> str | None:
        """Why there is no file, in a sentence."""
        if not self.future.done():
            return None
        if self.future.cancelled():
            return "The export was cancelled."
        match self.future.exception():
            case None:
                return None
            case PyBirchError() as error:
                return str(error)
            case _:
                return UNKNOWN

    @property
    def size(self) -> int | None:
        return self.path.stat().st_size if self.state == "ready" else None


class ExportJobs:
    """Thread-safe; owns its threads, which end with `close`.

    Args:
        folder: where the files are built; nobody else's.
        clock: monotonic seconds.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._clock = clock
        self._jobs: dict[str, ExportJob] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="export")

    def clear(self) -> None:
        """Remove what an earlier server left."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, person: str, name: str, mime: str, make: Make, size: int = 0) -> ExportJob:
        """Have a file built.

        Args:
            size: bytes it will have, about.

        Raises:
            NoRoomError: the disk is too full for it.
            ServiceUnavailable: this person has enough under way.
        """
        make_private_folder(self._folder)
        self._check_room(size)
        number = secrets.token_urlsafe(12)
        job = ExportJob(number, person, name, mime, self._folder / number / name)
        with self._lock:
            under_way = sum(one.person == person and not one.future.done() for one in self._jobs.values())
            if under_way >= EACH:
                raise ServiceUnavailable(
                    f"{EACH} exports of yours are being built. Wait for one of them.", retry_after=10
                )
            self._jobs[number] = job
            job.future = self._threads.submit(self._build, job, make)
        job.future.add_done_callback(lambda future: self._ended(job, future))
        return job

    def get(self, number: str) -> ExportJob:
        """Raises:
        NotFoundError: there is none, or its time is over.
        """
        with self._lock:
            job = self._jobs.get(number)
        if job is None:
            raise NotFoundError("This export does not exist any more. Start it again.")
        return job

    def wait(self, job: ExportJob, seconds: float) -> bool:
        """Whether it ended within so many seconds."""
        return bool(wait([job.future], seconds).done)

    def remove(self, job: ExportJob) -> None:
        """End it, if it is under way, and remove its file."""
        job.cancelled.set()
        job.future.cancel()
        with self._lock:
            self._jobs.pop(job.id, None)
        shutil.rmtree(job.path.parent, ignore_errors=True)

    def tidy(self) -> None:
        """Remove what has lain for an hour."""
        now = self._clock()
        with self._lock:
            old = [job for job in self._jobs.values() if job.ended_at and now - job.ended_at > KEPT]
        for job in old:
            self.remove(job)

    def close(self) -> None:
        """End what is under way and remove every file; harmless when called twice."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job.cancelled.set()
        self._threads.shutdown(cancel_futures=True)
        for job in jobs:
            self.remove(job)

    def _build(self, job: ExportJob, make: Make) -> None:
        looked_at = self._clock()

        def tell(share: float) -> None:
            nonlocal looked_at
            if job.cancelled.is_set():
                raise ExportCancelledError("The export was cancelled.")
            if self._clock() - looked_at > 1:
                looked_at = self._clock()
                self._check_room(0)
            job.progress = share

        tell(0.0)
        job.path.parent.mkdir()
        make(job.path, tell)

    def _ended(self, job: ExportJob, future: Future[object]) -> None:
        job.ended_at = self._clock()
        if job.cancelled.is_set():
            shutil.rmtree(job.path.parent, ignore_errors=True)
        try:
            error = future.exception()
        except CancelledError:
            return
        if error is not None and not isinstance(error, PyBirchError):
            log.error("export %s failed", job.name, exc_info=error)

    def _check_room(self, size: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if free - size < RESERVE:
            raise NoRoomError(
                f"The server's disk has {free / 1e9:.1f} GB left, and this export wants about "
                f"{size / 1e9:.1f} GB: free some, or export less."
            )
