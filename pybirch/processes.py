"""Processes of this computer: which are PyBirch's, and which are the ones they once were."""

from __future__ import annotations

SAME_MOMENT = 1.0
"""Seconds by which two tellings of one process's beginning may differ."""


def is_ours(pid: int, created: float = 0.0) -> bool:
    """A living process whose command line is one of PyBirch's; see `lives`."""
    import psutil

    try:
        words = psutil.Process(pid).cmdline() if lives(pid, created) else []
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return any("pybirch" in word or "run_web" in word or word == "GUI" for word in words)


def lives(pid: int, created: float = 0.0) -> bool:
    """Whether that process lives.

    Args:
        created: when it began, s since 1970: a process number is given to another in time; 0 if unknown.
    """
    import psutil

    try:
        process = psutil.Process(pid)
        if created and abs(process.create_time() - created) > SAME_MOMENT:
            return False
        return process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, psutil.AccessDenied, ValueError):
        return False


def began_at() -> float:
    """When this process began, s since 1970."""
    import psutil

    return psutil.Process().create_time()
