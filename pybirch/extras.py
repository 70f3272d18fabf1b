"""Which of PyBirch's extras brings a module that is not installed."""

from __future__ import annotations

MODULES = {
    "visa": ("pyvisa", "pyvisa_py", "pymeasure", "psutil"),
    "db": ("sqlalchemy", "alembic", "blosc2", "filelock"),
    "postgres": ("psycopg",),
    "web": (
        "flask", "flask_socketio", "flask_login", "flask_wtf", "apiflask", "simple_websocket", "socketio",
        "requests", "dotenv", "gunicorn", "werkzeug", "engineio", "websocket", "PIL",
    ),
    "redis": ("redis",),
    "gui": ("PyQt6", "qtpy", "pyqtgraph"),
    "plot": ("matplotlib", "tqdm"),
    "export": ("pyarrow", "xarray", "h5py", "h5netcdf", "event_model", "rocrate"),
    "import": ("yaml",),
}  # fmt: skip
"""Extra -> the modules that are there once it is installed; the first extra that brings one."""


def extra_of(module: str | None) -> str | None:
    """The extra that brings the module; None if none of ours does."""
    package = (module or "").partition(".")[0]
    return next((extra for extra, modules in MODULES.items() if package in modules), None)


def missing_module(error: ModuleNotFoundError) -> str:
    """What to say of a module that a person's own file imports, and that is not there."""
    if extra := extra_of(error.name):
        return f"there is no module {error.name!r} here: pip install 'pybirch[{extra}]'"
    return f"there is no module {error.name!r} here; mend its name, or install what brings it"
