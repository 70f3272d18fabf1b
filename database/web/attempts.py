"""Attempts to sign in: how many, how many at a time, and what a right one forgives."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from werkzeug.exceptions import TooManyRequests

from database.web.limits import RateLimit

PER_ADDRESS = 20
PER_USER = 6
"""Of one person from one address: who guesses elsewhere does not lock them out."""
PER_USER_EVERYWHERE = 120
CODES_PER_ADDRESS = 60
"""Wrong ones; a code cannot be guessed, and who has a right one is let in whatever others did."""
LONGEST_NAME = 255
"""Characters a user's name may have in the record."""
AT_ONCE = 3
"""Passwords checked at a time: one check costs 32 MiB and a good part of a second."""
PATIENCE = 3.0
TOO_MANY = "Too many attempts. Wait a minute, then try again."

T = TypeVar("T")


class Attempts:
    """The limits of one server. Thread-safe; counts a password before it is looked at."""

    def __init__(self) -> None:
        self._addresses = RateLimit(PER_ADDRESS)
        self._pairs = RateLimit(PER_USER)
        self._users = RateLimit(PER_USER_EVERYWHERE)
        self._codes = RateLimit(CODES_PER_ADDRESS)
        self._checks = threading.BoundedSemaphore(AT_ONCE)

    def by_code(self, address: str, check: Callable[[], T | None]) -> T | None:
        """What `check` finds.

        Raises:
            TooManyRequests: nothing, again and again.
        """
        found = check()
        if found is None and not self._codes.take(address):
            raise TooManyRequests(TOO_MANY)
        return found

    def by_password(self, address: str, username: str, check: Callable[[], T | None]) -> T | None:
        """What `check` finds, at most `AT_ONCE` at a time; of a name too long to be one, nothing.

        Raises:
            TooManyRequests: nothing was looked at.
        """
        if len(username) > LONGEST_NAME:
            return None
        user = _short(username.lower())
        pair = f"{user} {address}"
        limits = ((self._addresses, address), (self._pairs, pair), (self._users, user))
        self._count(limits)
        with self._one_of_few(limits):
            found = check()
        if found is not None:
            self._give_back(limits)
            self._pairs.forget(pair)
        return found

    def _count(self, limits: tuple[tuple[RateLimit, str], ...]) -> None:
        for n, (limit, key) in enumerate(limits):
            if not limit.take(key):
                self._give_back(limits[:n])
                raise TooManyRequests(TOO_MANY)

    @contextmanager
    def _one_of_few(self, limits: tuple[tuple[RateLimit, str], ...]) -> Iterator[None]:
        if not self._checks.acquire(timeout=PATIENCE):
            self._give_back(limits)
            raise TooManyRequests("Many people sign in just now. Try again.")
        try:
            yield
        finally:
            self._checks.release()

    @staticmethod
    def _give_back(limits: tuple[tuple[RateLimit, str], ...]) -> None:
        for limit, key in limits:
            limit.give_back(key)


def _short(text: str) -> str:
    """A key of one length, whatever it stands for."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
