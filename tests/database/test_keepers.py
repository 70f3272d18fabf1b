"""Which token speaks for which station."""

from __future__ import annotations

from database.services import DatabaseService


def test_the_first_keeps_the_name_until_it_is_revoked(db: DatabaseService) -> None:
    first, second = (db.tokens.create(name, None, scopes=("station",))[0] for name in ("first", "second"))
    assert db.keepers.keeper("bench") is None
    assert db.keepers.take_up("bench", first.id).id == first.id
    assert db.keepers.take_up("bench", second.id).id == first.id
    assert db.keepers.take_up("desk", second.id).id == second.id
    db.tokens.revoke(first.id)
    assert db.keepers.keeper("bench") is None
    assert db.keepers.take_up("bench", second.id).id == second.id
