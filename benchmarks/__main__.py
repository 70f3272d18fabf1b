"""``python -m benchmarks [--quick] [NAME …]``: all tables, or those named (see `TABLES`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TABLES = ("engine", "peers", "storage", "lists", "live", "steady", "exports")


def main() -> int:
    """Run each benchmark in a process of its own; 0 when all of them ran."""
    options = [argument for argument in sys.argv[1:] if argument.startswith("-")]
    named = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
    unknown = set(named) - set(TABLES)
    if unknown:
        print(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(TABLES)}")
        return 2
    failed = 0
    for name in named or TABLES:
        print(f"\n== {name} ==", flush=True)
        file = Path(__file__).with_name(f"{name}.py")
        failed |= subprocess.run([sys.executable, str(file), *options], check=False).returncode != 0
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
