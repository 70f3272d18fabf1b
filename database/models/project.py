"""A project: what scans and samples are measured for, and who works in it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, Numbered, Serial, now, states
from database.models.user import User


class ProjectStatus(StrEnum):
    """For people to read; only archiving a project changes what may be done in it."""

    PLANNED = "planned"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"


class ProjectRole(StrEnum):
    """What a member does in a project; only leads and members run its scans."""

    LEAD = "lead"
    MEMBER = "member"
    VIEWER = "viewer"

    @property
    def works(self) -> bool:
        return self is not ProjectRole.VIEWER


class Project(Numbered, Base):
    """`members` come with every project that is read."""

    __tablename__ = "projects"

    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[ProjectStatus] = mapped_column(states(ProjectStatus), default=ProjectStatus.ACTIVE)
    lab_id: Mapped[int | None] = mapped_column(ForeignKey("labs.id", ondelete="SET NULL"), default=None)

    members: Mapped[list[ProjectMember]] = relationship(
        lazy="selectin", order_by="ProjectMember.id", viewonly=True
    )

    @property
    def leads(self) -> list[User]:
        """Who answers for it."""
        return [member.user for member in self.members if member.role is ProjectRole.LEAD]


class ProjectMember(Base):
    """One person in one project."""

    __tablename__ = "project_members"
    __table_args__ = (UniqueConstraint("project_id", "user_id"),)

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    role: Mapped[ProjectRole] = mapped_column(states(ProjectRole), default=ProjectRole.MEMBER)
    created_at: Mapped[datetime] = mapped_column(default=now)

    user: Mapped[User] = relationship(lazy="joined")
