"""What can go wrong, named as nouns of the laboratory."""

from __future__ import annotations


class PyBirchError(Exception):
    """Base of all errors that PyBirch raises on purpose."""


class FieldError(PyBirchError, ValueError):
    """A value that was given is wrong; `field` names it.

    Args:
        field: path of the field, e.g. ``scan_tree[0].positions[3]``.
        problem: what is wrong with it and what would be right.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class MissingLibraryError(PyBirchError, ImportError):
    """What was asked for needs a library that is not installed; the text says how to install it."""


class LabFileError(FieldError):
    """A laboratory's own file cannot be used as it is; trying again makes sense once it was changed.

    Args:
        problem: what is wrong; names file and line, where there is one.
    """

    def __init__(self, problem: str) -> None:
        super().__init__("lab_file", problem)
        self.args = (problem,)

    @property
    def is_surprising(self) -> bool:
        """Nobody foresaw it, so where it comes from is worth showing in full."""
        cause = self.__cause__
        return cause is not None and not isinstance(cause, PyBirchError | ImportError | SyntaxError)


class ScanSettingsError(FieldError):
    """A scan's settings were refused before anything moved."""


class NotFoundError(PyBirchError, LookupError):
    """A record, scan, queue or instrument of that name or number does not exist."""


class UnknownReferenceError(FieldError, NotFoundError):
    """A field names something that does not exist."""


class ArchivedError(FieldError):
    """A field names something that is archived, for which nothing new is begun."""


class NotYoursError(FieldError):
    """A field names what belongs to somebody else; nothing was done."""


class InstrumentError(PyBirchError):
    """An instrument did not do what it was asked; the text names the instrument."""


class InstrumentTimeoutError(InstrumentError, TimeoutError):
    """An instrument did not answer within its time limit."""


class InterruptedMoveError(InstrumentError):
    """A wait or move was cut short because the scan was aborted."""


class IllegalTransitionError(PyBirchError):
    """A scan or queue was asked for a step its state does not allow."""


class EditConflictError(PyBirchError):
    """Somebody else has changed it since; nothing was done."""


class StaleWriterError(PyBirchError):
    """A writer tried to go on with a scan that has been taken from it."""


class StationUnavailableError(PyBirchError):
    """No station answers for that queue; nothing was done."""


class CommandTimeoutError(PyBirchError):
    """A command was sent and no answer came back: its outcome is unknown."""


class ServerUnavailableError(PyBirchError):
    """The server did not answer, or refused the token."""


class NoRoomError(PyBirchError):
    """A disk is full; nothing was changed, nothing is lost. The text says which, and what to do."""
