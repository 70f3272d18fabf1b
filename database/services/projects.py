"""Projects, and who works in them."""

from __future__ import annotations

import builtins
from collections.abc import Sequence, Set
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from database.models.project import Project, ProjectMember, ProjectRole
from database.models.queue import Queue
from database.models.scan import Scan
from database.models.user import User
from database.services.fields import checked
from database.services.project_tally import ProjectTally, tallies
from database.services.records import Key, Records
from database.session import Database
from pybirch.errors import FieldError, NotFoundError
from pybirch.states import ScanState

_TO_COME = (ScanState.QUEUED, ScanState.RUNNING, ScanState.PAUSED, ScanState.INTERRUPTED)


class Projects(Records[Project]):
    """Every project that is handed out has its `members`."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, Project, text_key="name", search=("name", "description"))

    def create(self, **fields: Any) -> Project:
        _check_name(fields)
        return super().create(**fields)

    def update(self, key: Key, **fields: Any) -> Project:
        _check_name(fields)
        return super().update(key, **fields)

    def restore(self, key: Key) -> Project:
        """Take an archived project up again."""
        return self.update(key, archived_at=None)

    def add_member(
        self, project: Key, user: Key, role: ProjectRole | str = ProjectRole.MEMBER
    ) -> ProjectMember:
        """Have somebody in a project.

        Args:
            project: its name or number.
            user: their username or number.
            role: lead, member or viewer.

        Raises:
            NotFoundError: no such project or person.
            FieldError: an unknown role, or they are in it already.
        """

        def work(session: Session) -> ProjectMember:
            row, person = self._alone(session, project), _user(session, user)
            if _member(session, row.id, person.id) is not None:
                raise FieldError("user_id", f"{person.username} is in project {row.name!r} already")
            fields = {"project_id": row.id, "user_id": person.id, "role": role}
            member = ProjectMember(**checked(ProjectMember, fields, new=True))
            session.add(member)
            session.flush()
            return _reloaded(session, member)

        return self._db.transact(work)

    def change_member(self, project: Key, user: Key, role: ProjectRole | str) -> ProjectMember:
        """Give somebody another role in a project.

        Raises:
            NotFoundError: they are not in it.
            FieldError: an unknown role.
        """

        def work(session: Session) -> ProjectMember:
            member = self._membership(session, project, user)
            member.role = checked(ProjectMember, {"role": role}, new=False)["role"]
            session.flush()
            return _reloaded(session, member)

        return self._db.transact(work, repeatable=True)

    def remove_member(self, project: Key, user: Key) -> None:
        """Have somebody no longer in a project.

        Raises:
            NotFoundError: they are not in it.
        """
        self._db.transact(lambda session: session.delete(self._membership(session, project, user)))

    def members(self, project: Key) -> builtins.list[ProjectMember]:
        """Who is in it, each with their `user`, in the order in which they came."""
        return self.get(project).members

    def tallies(self, projects: Sequence[Project]) -> dict[int, ProjectTally]:
        """How much there is of each project, by its number."""
        with self._db.read() as session:
            return tallies(session, projects)

    def of_user(self, user: Key, *, archived: bool = False) -> builtins.list[Project]:
        """The projects somebody is in."""
        with self._db.read() as session:
            mine = select(ProjectMember.project_id).where(ProjectMember.user_id == _user(session, user).id)
            query = select(Project).where(Project.id.in_(mine)).order_by(Project.id)
            if not archived:
                query = query.where(Project.archived_at.is_(None))
            return builtins.list(session.scalars(query))

    def of(self, thing: object) -> tuple[Project, ...]:
        """The projects that a thing is done for: a scan's, else its queue's; of a queue its own and
        those of its scans that have not ended; of anything else the one it names; none of what names none.
        """
        match thing:
            case Project():
                return (thing,)
            case Scan():
                own = {thing.project_name} if thing.project_id is None else set()
                found = self._these({thing.project_id}, own)
                return found or self._these({thing.queue.project_id if thing.queue else None})
            case Queue():
                return self._these(*self._of_scans_in(thing))
        return self._these({getattr(thing, "project_id", None)})

    def called(self, name: object) -> tuple[Project, ...]:
        """The project of that name, archived or not, if there is one."""
        return self._these(set(), {name})

    def _of_scans_in(self, queue: Queue) -> tuple[set[Any], set[Any]]:
        """Numbers and names of the projects of a queue."""
        query = select(Scan.project_id, Scan.project_name).where(
            Scan.queue_id == queue.id, Scan.status.in_(_TO_COME), Scan.archived_at.is_(None)
        )
        with self._db.read() as session:
            told = [tuple(row) for row in session.execute(query.distinct())]
        numbers = {queue.project_id, *(number for number, _ in told)}
        return numbers, {name for number, name in told if number is None}

    def _these(self, numbers: Set[Any], names: Set[Any] = frozenset()) -> tuple[Project, ...]:
        numbers, names = numbers - {None}, {name for name in names if isinstance(name, str) and name}
        if not numbers and not names:
            return ()
        query = select(Project).where(or_(Project.id.in_(numbers), Project.name.in_(names)))
        with self._db.read() as session:
            return tuple(session.scalars(query.order_by(Project.id)))

    def _membership(self, session: Session, project: Key, user: Key) -> ProjectMember:
        row, person = self._alone(session, project), _user(session, user)
        member = _member(session, row.id, person.id)
        if member is None:
            raise NotFoundError(f"{person.username} is not in project {row.name!r}")
        return member


def _check_name(fields: dict[str, Any]) -> None:
    name = fields.get("name")
    if isinstance(name, str) and not name.strip():
        raise FieldError("name", "a project needs a name")


def _user(session: Session, key: Key) -> User:
    column: Any = User.username if isinstance(key, str) else User.id
    found = session.scalars(select(User).where(column == key)).first()
    if found is None:
        raise NotFoundError(f"there is no user {key!r}")
    return found


def _member(session: Session, project: int, user: int) -> ProjectMember | None:
    query = select(ProjectMember).where(ProjectMember.project_id == project, ProjectMember.user_id == user)
    return session.scalars(query).first()


def _reloaded(session: Session, member: ProjectMember) -> ProjectMember:
    session.refresh(member)
    assert member.user is not None
    return member
