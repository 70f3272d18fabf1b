"""`python -m pybirch.cli` is the `pybirch` command."""

from pybirch.cli import main

main()
