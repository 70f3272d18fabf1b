"""Start the laboratory: `python run_web.py --demo`, then open the link it prints."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the supervisor; say what to install where something is missing."""
    try:
        from pybirch.cli.up import main as up
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("pybirch"):
            raise
        sys.exit(
            f"error: run_web.py needs {error.name}, which is not installed: pip install -e '.[web,visa]'"
        )
    up()


if __name__ == "__main__":
    main()
