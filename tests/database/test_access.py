"""Users, passwords, tokens, login codes, and what each may do."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import text

from database.models import ApiToken, Project, ProjectMember, ProjectRole, Role, User
from database.services import DatabaseService, passwords
from database.services.passwords import matches
from database.services.permissions import ACTIONS, can, closed_to
from pybirch.errors import FieldError, NotFoundError
from tests.database.racing import at_once, meanwhile

MAY = {
    "viewer": {"read", "stop"},
    "operator": {"read", "stop", "operate", "lead"},
    "admin": set(ACTIONS),
}
SCOPES = {
    ("read",): {"read", "stop"},
    ("operate",): {"read", "stop", "operate", "lead"},
    ("station",): {"read", "stop", "station"},
    ("admin",): set(ACTIONS),
    ("station", "operate"): {"read", "stop", "station", "operate", "lead"},
}


def test_a_password_hashed_at_another_cost_is_still_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", (2**15, 8, 3))
    dear = passwords.hash_password("correct horse")
    monkeypatch.undo()
    assert dear.startswith("scrypt$32768$8$3$")
    assert passwords.matches("correct horse", dear)
    assert not passwords.matches("wrong horse", dear)


def test_a_password_is_verified_and_never_kept(db: DatabaseService) -> None:
    db.users.create("ada", "correct horse", "admin")
    user = db.users.verify("ada", "correct horse")
    assert user is not None
    assert user.last_login_at is not None
    assert "correct" not in (user.password_hash or "")
    assert db.users.verify("ada", "wrong horse") is None
    assert db.users.verify("nobody", "correct horse") is None
    db.users.set_password("ada", None)
    assert db.users.verify("ada", "correct horse") is None
    db.users.set_password("ada", "another horse")
    db.users.archive("ada")
    assert db.users.verify("ada", "another horse") is None


def test_a_password_that_is_changed_while_it_is_looked_at_lets_nobody_in(
    db: DatabaseService, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To look at one costs a good part of a second."""
    db.users.create("ada", "correct horse")

    def then_changed(password: str, stored: str | None) -> bool:
        right = matches(password, stored)
        db.users.set_password("ada", "another horse")
        return right

    with monkeypatch.context() as patch:
        patch.setattr("database.services.users.matches", then_changed)
        assert db.users.verify("ada", "correct horse") is None
    assert db.users.verify("ada", "another horse") is not None


def test_a_new_password_ends_what_begins_just_then(db: DatabaseService) -> None:
    db.users.create("ada", "correct horse")
    user = db.users.get("ada")
    change = partial(db.users.set_password, "ada", "another horse")
    with meanwhile(change, before="commit") as other:
        key = db.sign_ins.begin(user)
    assert other.error is None
    assert key is not None
    assert db.sign_ins.of(key) is None
    assert db.sign_ins.begin(user) is None, "with the former password"
    assert db.sign_ins.begin(db.users.get("ada")) is not None


def test_a_link_lets_one_in_however_many_follow_it(db: DatabaseService) -> None:
    user = db.users.create("ada")
    for _ in range(8):
        code = db.tokens.create_login_code(user.id)
        let_in: list[User | None] = []
        assert at_once(*[lambda c=code, e=let_in: e.append(db.tokens.redeem_login_code(c))] * 4) == []
        assert sum(row is not None for row in let_in) == 1


def test_bad_users_are_refused_by_field(db: DatabaseService) -> None:
    db.users.create("ada")
    for arguments, name in [
        (("ada",), "username"),
        ((" ",), "username"),
        (("bob", "short"), "password"),
        (("bob", None, "king"), "role"),
    ]:
        with pytest.raises(FieldError) as caught:
            db.users.create(*arguments)
        assert caught.value.field == name


def test_the_local_operator_is_one_person(db: DatabaseService) -> None:
    first = db.users.ensure_local_operator()
    assert db.users.ensure_local_operator().id == first.id
    assert (first.role, first.password_hash) == (Role.OPERATOR, None)


def test_a_token_is_found_by_its_text_until_revoked(db: DatabaseService) -> None:
    row, secret = db.tokens.create("bench", None, scopes=("station",))
    found = db.tokens.find(secret)
    assert found is not None
    assert (found.id, found.scopes) == (row.id, ["station"])
    assert db.tokens.is_use_to_be_noted(found)
    assert not db.tokens.is_use_to_be_noted(db.tokens.note_use(row.id))
    assert db.tokens.find(secret + "x") is None
    with db.database.read() as session:
        kept = session.execute(text("SELECT secret_hash FROM api_tokens")).scalar_one()
    assert secret not in kept
    db.tokens.revoke(row.id)
    assert db.tokens.find(secret) is None


def test_a_token_ends_with_its_owner(db: DatabaseService) -> None:
    user = db.users.create("ada")
    _, secret = db.tokens.create("script", user.id, scopes=("read",))
    assert db.tokens.find(secret) is not None
    db.users.archive(user.id)
    assert db.tokens.find(secret) is None


@pytest.mark.parametrize("scopes", [(), ("everything",), "read"])
def test_unknown_scopes_are_refused(db: DatabaseService, scopes: tuple[str, ...]) -> None:
    with pytest.raises(FieldError, match="scopes"):
        db.tokens.create("x", None, scopes=scopes)


def test_a_login_code_works_once_and_not_for_long(db: DatabaseService) -> None:
    user = db.users.ensure_local_operator()
    code = db.tokens.create_login_code(user.id)
    redeemed = db.tokens.redeem_login_code(code)
    assert redeemed is not None
    assert redeemed.id == user.id
    assert db.tokens.redeem_login_code(code) is None
    assert db.tokens.redeem_login_code("guess") is None
    assert db.tokens.redeem_login_code(db.tokens.create_login_code(user.id, minutes=-1)) is None
    with pytest.raises(NotFoundError):
        db.tokens.create_login_code(999)


@pytest.mark.parametrize("role", MAY)
@pytest.mark.parametrize("action", ACTIONS)
def test_people_may_what_their_role_says(role: str, action: str) -> None:
    assert can(User(username="x", role=Role(role)), action, "queue:Q") == (action in MAY[role])


@pytest.mark.parametrize("scopes", SCOPES)
@pytest.mark.parametrize("action", ACTIONS)
def test_programs_may_what_their_scopes_say(scopes: tuple[str, ...], action: str) -> None:
    assert can(ApiToken(name="x", scopes=list(scopes)), action) == (action in SCOPES[scopes])


def test_nobody_may_anything_and_there_are_four_actions() -> None:
    assert not any(can(None, action) for action in ACTIONS)
    with pytest.raises(ValueError, match="fly"):
        can(None, "fly")


def member(user: User, role: str) -> ProjectMember:
    return ProjectMember(user_id=user.id, user=user, role=ProjectRole(role))


def test_a_project_with_members_is_operated_by_these_alone() -> None:
    ada, bob, eve, boss = (
        User(id=n, username=name, role=Role(role))
        for n, (name, role) in enumerate(
            [("ada", "operator"), ("bob", "operator"), ("eve", "operator"), ("boss", "admin")]
        )
    )
    closed = Project(name="P", members=[member(ada, "lead"), member(bob, "viewer")])
    free = Project(name="Q", members=[])
    assert {who.username for who in (ada, bob, eve, boss) if can(who, "operate", closed)} == {"ada", "boss"}
    for who in (ada, bob, eve, boss):
        assert can(who, "operate", free)
        assert can(who, "operate", (free,))
        assert can(who, "operate", ("queue:Q",))
        assert can(who, "read", closed)
        assert can(who, "stop", closed)
    assert can(ada, "operate", (free, closed))
    assert not can(eve, "operate", (free, closed))
    assert closed_to(eve, (free, closed)) is closed
    viewer = User(id=9, username="v", role=Role.VIEWER)
    assert not can(viewer, "operate", Project(name="P", members=[member(viewer, "lead")]))


def test_a_project_is_changed_by_its_leads_or_by_who_works_in_it_where_there_is_none() -> None:
    ada, bob, eve, boss = (
        User(id=n, username=str(n), role=Role(role))
        for n, role in enumerate(["operator", "operator", "operator", "admin"])
    )
    led = Project(name="P", members=[member(ada, "lead"), member(bob, "member")])
    unled = Project(name="Q", members=[member(bob, "member"), member(eve, "viewer")])

    def may(project: Project) -> list[bool]:
        return [can(who, "lead", project) for who in (ada, bob, eve, boss)]

    assert may(led) == [True, False, False, True]
    assert may(unled) == [False, True, False, True]
    assert may(Project(name="R", members=[])) == [True] * 4
    assert closed_to(bob, led) is None
    assert closed_to(bob, led, "lead") is led


def test_a_token_is_its_owner_and_the_labs_own_is_nobody() -> None:
    eve, boss = (User(id=n, username="x", role=Role(role)) for n, role in ((1, "operator"), (2, "admin")))
    ada = User(id=3, username="ada", role=Role.OPERATOR)
    closed = Project(name="P", members=[member(ada, "member")])

    def may(user: User | None, *scopes: str) -> bool:
        return can(ApiToken(name="t", user=user, scopes=list(scopes)), "operate", closed)

    assert [may(user, "operate") for user in (eve, ada, boss, None)] == [False, True, True, True]
    assert may(eve, "admin")
    assert not may(ada, "read")


def test_a_thing_that_has_a_project_is_not_asked_about_without_it(db: DatabaseService) -> None:
    scan = db.scans.create(scan_id="S")
    with pytest.raises(ValueError, match=r"projects\.of"):
        can(db.users.create("ada", role="operator"), "operate", scan)
