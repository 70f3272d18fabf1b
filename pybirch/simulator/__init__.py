"""A small laboratory that exists only in numbers, reached over TCP like a real one.

Three layers, each replaceable: `server` carries lines, `scpi` (or a device of its own) understands
them, `physics` and `world` answer what nature would. A layer that lies, delays or drops lines goes
between the first two: anything with ``handle(line) -> str | None`` can be served.
"""
