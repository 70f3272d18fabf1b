"""What can go wrong with the record itself."""

from __future__ import annotations

from pybirch.errors import PyBirchError


class DatabaseUnavailableError(PyBirchError):
    """The database cannot be reached or opened; the text says which and what to do."""


class SchemaError(PyBirchError):
    """The database's schema does not fit this version of PyBirch."""


class DamagedDataError(PyBirchError):
    """Stored readings do not match their checksum; the text names scan, measurement and indexes."""


class SchemaNotReadyError(SchemaError):
    """Nobody has made the schema current yet; the server does so when it starts."""


class InArchiveError(PyBirchError):
    """A scan's readings lie in an archive; the text says in which, and how to bring them back."""


class DatabaseInUseError(PyBirchError):
    """Somebody has the database open who must not have now; the text says who, if that is known."""
