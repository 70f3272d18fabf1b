"""Of sample and record the newest, field by field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybirch.samples import Sample

WORDS = st.lists(st.sampled_from("abcde"), unique=True)


def sample(material: str = "", tags: list[str] | None = None, image: str | None = None) -> Sample:
    return Sample("S", material, tags, image)


def seen(one: Sample) -> tuple[str, list[str], object]:
    return one.material, one.tags, one.image


def test_a_scripts_own_sample_says_something_where_it_is_not_empty() -> None:
    record = sample("Si", ["old"], "a.png")
    assert seen(sample().newest(record)) == ("Si", ["old"], "a.png")
    assert seen(sample("Ge", ["new"], "b.png").newest(record)) == ("Ge", ["old", "new"], "b.png")


def test_what_was_changed_here_is_newer_also_where_it_was_emptied() -> None:
    mine = sample("Si", ["x", "y"], "a.png").taken()
    mine.material, mine.image = "", None
    mine.tags.remove("x")
    assert seen(mine.newest(sample("Ge", ["x", "y", "z"], "a.png"))) == ("", ["y", "z"], None)


@pytest.mark.parametrize("field", ["material", "image"])
def test_what_was_not_changed_here_is_the_records(field: str) -> None:
    mine = sample("Si", ["x"], "a.png").taken()
    record = sample("Si", ["x"], "a.png")
    setattr(record, field, "other")
    assert getattr(mine.newest(record), field) == "other"


@given(WORDS, WORDS, WORDS)
def test_no_tag_is_lost_and_none_comes_back(before: list[str], here: list[str], there: list[str]) -> None:
    mine = sample(tags=before).taken()
    mine.tags = here
    newest = mine.newest(sample(tags=there)).tags
    assert set(newest) == (set(there) - (set(before) - set(here))) | (set(here) - set(before))
    assert len(newest) == len(set(newest))
