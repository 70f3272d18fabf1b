"""What somebody computed from scans: with which code, of which readings."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from database.models.base import Base, Numbered, Serial
from database.models.scan import Scan


class Analysis(Numbered, Base):
    """`inputs` and their scans come with every analysis that is read.

    Attributes:
        owner: who made it.
        code_name, code_version: of the program.
        code_revision: ``git:<commit>``, or ``sha256:<hash>`` of a file that no commit holds as it was.
        derived_from_id: the analysis it goes on from.
    """

    __tablename__ = "analyses"

    name: Mapped[str]
    analysis_type: Mapped[str] = mapped_column(default="")
    owner: Mapped[str] = mapped_column(default="")
    code_name: Mapped[str] = mapped_column(default="")
    code_version: Mapped[str] = mapped_column(default="")
    code_revision: Mapped[str] = mapped_column(default="")
    parameters: Mapped[dict[str, Any]] = mapped_column(default=dict)
    results: Mapped[dict[str, Any]] = mapped_column(default=dict)
    notes: Mapped[str] = mapped_column(Text, default="")
    derived_from_id: Mapped[int | None] = mapped_column(ForeignKey("analyses.id"), default=None, index=True)

    inputs: Mapped[list[AnalysisInput]] = relationship(
        lazy="selectin", order_by="AnalysisInput.id", viewonly=True
    )

    @property
    def scan_id(self) -> int | None:
        """Number of the first scan it was made from."""
        return self.inputs[0].scan_id if self.inputs else None


class AnalysisInput(Base):
    """Readings ``first_index … end_index - 1`` of one measurement of one scan.

    A scan that had measured nothing has no measurement here and the range 0 … -1. What an analysis
    was made from cannot be deleted.
    """

    __tablename__ = "analysis_inputs"

    id: Mapped[int] = mapped_column(Serial, primary_key=True)
    analysis_id: Mapped[int] = mapped_column(ForeignKey("analyses.id", ondelete="CASCADE"), index=True)
    scan_id: Mapped[int] = mapped_column(ForeignKey("scans.id"), index=True)
    measurement: Mapped[str] = mapped_column(default="")
    first_index: Mapped[int] = mapped_column(BigInteger, default=0)
    end_index: Mapped[int] = mapped_column(BigInteger, default=0)

    scan: Mapped[Scan] = relationship(lazy="joined")
