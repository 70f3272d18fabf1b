"""Addresses of instruments, as VISA writes them."""

from __future__ import annotations

import re


def canonical_address(address: str) -> str:
    """One spelling for one address: upper case, and ``TCPIP::`` written as ``TCPIP0::``."""
    return re.sub(r"^([A-Z]+)(?=::)", r"\g<1>0", address.strip().upper())
