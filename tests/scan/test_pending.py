"""Readings between the engine and the outlet: aligned and whole, whenever they are taken."""

from __future__ import annotations

import threading

import pytest

from pybirch.scan.pending import Batch, Pending


def fill(pending: Pending, step: int, reads: int) -> None:
    """One step as the engine appends it: `values` last."""
    pending.times += [float(step)] * reads
    pending.steps += [step] * reads
    pending.positions += [float(step), -float(step)] * reads
    pending.numbers += range(reads)
    pending.values += [(step, number) for number in range(reads)]


def test_what_is_taken_while_more_comes_is_aligned_and_splits_no_step() -> None:
    pending, steps = Pending(2), 30_000
    taken: list[Batch] = []
    ended = threading.Event()

    def measure() -> None:
        for step in range(steps):
            fill(pending, step, 1 + step % 3)
        ended.set()

    thread = threading.Thread(target=measure)
    thread.start()
    while not ended.is_set():
        taken.append(pending.take())
    thread.join()
    taken.append(pending.take())
    assert len(pending) == 0
    expected = 0
    for batch in filter(len, taken):
        columns = zip(batch.values, batch.numbers, batch.steps, batch.times, strict=True)
        assert all(values == (step, number) and at == step for values, number, step, at in columns)
        assert batch.positions == [x for step in batch.steps for x in (float(step), -float(step))]
        assert batch.steps[0] == expected, "a step is in one batch only"
        expected = batch.steps[-1] + 1
    assert expected == steps


@pytest.fixture
def batch() -> Batch:
    pending = Pending(2)
    for step in range(4):
        fill(pending, step, 2)
    return pending.take()


def test_parts_and_measurements(batch: Batch) -> None:
    assert batch.part(0, 99) is batch
    middle = batch.part(3, 5)
    assert (middle.values, middle.positions) == ([(1, 1), (2, 0)], [1.0, -1.0, 2.0, -2.0])
    assert batch.before_step(2).steps == [0, 0, 1, 1]
    assert batch.before_step(9) is batch
    split = batch.by_measurement()
    assert {n: one.values for n, one in split.items()} == {
        n: [(step, n) for step in range(4)] for n in (0, 1)
    }
    assert split[1].table().tolist() == [[float(step), -float(step)] for step in range(4)]


def test_without_axes_there_is_a_table_without_columns() -> None:
    pending = Pending(0)
    pending.steps += [0, 1]
    pending.times += [0.0, 1.0]
    pending.values += [5, 6]
    batch = pending.take()
    assert batch.table().shape == (2, 0)
    assert list(batch.by_measurement()) == [0]
    assert pending.take().by_measurement() == {}
