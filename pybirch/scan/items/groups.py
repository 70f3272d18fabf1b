"""Items that say how often, and what at the same time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from pybirch.scan.fields import whole
from pybirch.scan.items.base import Below, TreeItem, items_in


@dataclass(init=False, eq=False)
class SequenceItem(TreeItem):
    """Do all `children` in order: a part of the tree under one heading.

    Args:
        title: what people call it.

    Raises:
        ScanSettingsError: nothing to do.
    """

    kind: ClassVar[str] = "sequence"
    branch_fields: ClassVar[tuple[str, ...]] = ("children",)

    children: tuple[TreeItem, ...]
    title: str

    def __init__(self, children: Sequence[Any], title: str = "") -> None:
        self.children = items_in(children, "sequence", some=True)
        self.title = str(title)

    def own_fields(self) -> dict[str, Any]:
        return {"title": self.title} if self.title else {}

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(below("children"), data.get("title") or "")


@dataclass(init=False, eq=False)
class RepeatItem(TreeItem):
    """Do all `children` in order, `times` times.

    Raises:
        ScanSettingsError: no whole number of times from 1 on, or nothing to repeat.
    """

    kind: ClassVar[str] = "repeat"
    branch_fields: ClassVar[tuple[str, ...]] = ("children",)

    times: int
    children: tuple[TreeItem, ...]

    def __init__(self, times: int, children: Sequence[Any]) -> None:
        self.times = whole(times, "times")
        self.children = items_in(children, "repeat", some=True)

    def own_fields(self) -> dict[str, Any]:
        return {"times": self.times}

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(data.get("times", 0), below("children"))


@dataclass(init=False, eq=False)
class ParallelItem(TreeItem):
    """Do all `children` at the same time, step by step.

    The n-th moves of all branches are made together, then their n-th readings are taken together.
    A branch that has fewer steps waits for the others. Each reading has the positions of all
    branches, since they belong to it.

    Raises:
        ScanSettingsError: fewer than two branches.
    """

    kind: ClassVar[str] = "parallel"
    branch_fields: ClassVar[tuple[str, ...]] = ("children",)

    children: tuple[TreeItem, ...]

    def __init__(self, children: Sequence[Any]) -> None:
        self.children = items_in(children, "parallel", some=True)

    @classmethod
    def read(cls, data: Mapping[str, Any], below: Below) -> Self:
        return cls(below("children"))
