"""How urgent, not before when, after what, how often: and what a queue does when a scan fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybirch.errors import FieldError, IllegalTransitionError
from pybirch.queue.policy import OnFailure, OnInterrupted, QueuePolicy
from pybirch.queue.queue import ExecutionMode, Queue, QueueState, ScanState
from pybirch.queue.terms import MOST_PRIORITY, MOST_ROUNDS, Terms
from pybirch.scan.scan import Scan
from tests.conftest import until
from tests.lab import PATIENCE, Diary, Doorway, Meter, Stage, line, settings


class Named(Diary):
    """Writes the scan's name down when it begins."""

    goes_on = True

    def __init__(self, story: list[str]) -> None:
        super().__init__()
        self.begun = story

    def startup(self) -> None:
        self.begun.append(self.scan.settings.scan_name)


@pytest.fixture
def story() -> list[str]:
    return []


@pytest.fixture
def make(story: list[str]) -> Any:
    """`make(name, meter)`: a scan of three points that writes its name down when it begins."""

    def made(name: str, meter: Meter | None = None) -> Scan:
        tree = line(Stage(f"x of {name}"), meter or Meter(f"meter of {name}"), 3)
        return Scan(settings(tree, name), extensions=[Named(story)])

    return made


def finish(queue: Queue) -> None:
    assert queue.wait_for_completion(PATIENCE)


def names(queue: Queue) -> list[str]:
    return [handle.scan.settings.scan_name for handle in queue.handles]


def told(queue: Queue) -> list[str]:
    return [line.message for line in queue.get_logs()]


class Moody(Meter):
    """Raises at so many readings before it is well."""

    def __init__(self, name: str, fails: int) -> None:
        super().__init__(name)
        self.fails = fails

    def perform_measurement(self) -> Any:
        if self.fails:
            self.fails -= 1
            raise OSError("no light")
        return super().perform_measurement()


def broken() -> Meter:
    return Moody("broken", 10**9)


# As JSON


@given(
    priority=st.integers(-MOST_PRIORITY, MOST_PRIORITY),
    moment=st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    after=st.lists(st.text(min_size=1), unique=True),
    group=st.text(max_size=50).map(str.strip),
    round_=st.integers(1, 9),
    rounds=st.just(0) | st.integers(9, MOST_ROUNDS),
)
def test_terms_are_the_same_after_a_way_through_json(
    priority: int, moment: datetime | None, after: list[str], group: str, round_: int, rounds: int
) -> None:
    terms = Terms(priority, moment, tuple(after), group, round_, rounds)
    assert Terms.from_json(terms.as_json()) == terms


def test_the_usual_terms_take_no_room() -> None:
    assert Terms().as_json() == {}
    assert Terms.from_json(None) == Terms()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("priority", 1.5),
        ("priority", MOST_PRIORITY + 1),
        ("priority", True),
        ("not_before", "tomorrow"),
        ("not_before", 5),
        ("after", "scan"),
        ("after", ["a", "a"]),
        ("after", [1]),
        ("group", "x" * 101),
        ("rounds", -1),
        ("rounds", "many"),
        ("left", True),
        ("colour", "red"),
    ],
)
def test_a_wrong_term_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(FieldError) as refused:
        Terms().with_changes({field: value})
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("on_failure", "explode"),
        ("retries", -1),
        ("retries", 1.0),
        ("retry_delay", float("nan")),
        ("retry_delay", "long"),
        ("on_interrupted", "whatever"),
        ("colour", "red"),
    ],
)
def test_a_wrong_rule_is_refused_by_its_name(field: str, value: Any) -> None:
    with pytest.raises(FieldError) as refused:
        QueuePolicy().with_changes({field: value})
    assert refused.value.field == field


def test_a_policy_is_the_same_after_a_way_through_json() -> None:
    policy = QueuePolicy(OnFailure.STOP, 3, 2.5, OnInterrupted.RESUME)
    assert QueuePolicy.from_json(policy.as_json()) == policy
    assert QueuePolicy.from_json({}) == QueuePolicy()


def test_a_queue_keeps_terms_and_policy_in_its_json(make: Any) -> None:
    queue = Queue("q", policy=QueuePolicy(retries=2))
    first = queue.enqueue(make("a"), {"priority": 3})
    queue.enqueue(make("b"), {"after": [first], "rounds": 4})
    again = Queue.deserialize(queue.serialize())
    assert [handle.terms for handle in again.handles] == [handle.terms for handle in queue.handles]
    assert (again.policy, again.revision) == (queue.policy, queue.revision)


# Whose turn it is


def test_the_most_urgent_goes_first_and_equals_as_they_stand(make: Any, story: list[str]) -> None:
    queue = Queue("q", [make("a"), make("b")])
    queue.enqueue(make("c"), {"priority": 5})
    queue.enqueue(make("d"), {"priority": 5})
    queue.enqueue(make("e"), {"priority": -1})
    queue.start()
    finish(queue)
    assert story == ["c", "d", "a", "b", "e"]


def test_a_scan_is_not_begun_before_it_is_due_and_holds_up_nobody(make: Any, story: list[str]) -> None:
    queue = Queue("q")
    due = datetime.now(UTC) + timedelta(seconds=0.3)
    late = queue.enqueue(make("late"), {"not_before": due})
    queue.enqueue(make("now"))
    queue.start()
    finish(queue)
    assert story == ["now", "late"]
    began = queue.get_handle_by_id(late).scan.started_at
    assert began is not None
    assert datetime.fromisoformat(began) >= due


def test_a_queue_that_waits_for_the_hour_can_be_stopped(make: Any, story: list[str]) -> None:
    queue = Queue("q")
    queue.enqueue(make("tomorrow"), {"not_before": datetime.now(UTC) + timedelta(days=1)})
    queue.start()
    assert queue.state is QueueState.RUNNING
    queue.stop_queue()
    finish(queue)
    assert story == []
    assert names(queue) == ["tomorrow"]


def test_a_scan_waits_for_those_before_it_in_parallel_too(make: Any, story: list[str]) -> None:
    door = Doorway()
    queue = Queue("q")
    first = queue.enqueue(make("first", Meter("slow", doors={1: door})))
    second = queue.enqueue(make("second"), {"after": [first]})
    queue.enqueue(make("free"))
    queue.start(mode=ExecutionMode.PARALLEL)
    door.wait_until_entered()
    until(lambda: "free" in story)
    waiting = queue.get_handle_by_id(second)
    assert waiting.scan.wait_for(lambda scan: scan.message == "waits for first", PATIENCE)
    assert waiting.state is ScanState.QUEUED
    door.open()
    finish(queue)
    assert story[-1] == "second"


def test_a_scan_that_waits_in_vain_stays_queued_says_why_and_runs_after_a_later_run(
    make: Any, story: list[str]
) -> None:
    meter = Moody("moody", 1)
    queue = Queue("q")
    bad = queue.enqueue(make("bad", meter))
    then = queue.enqueue(make("then"), {"after": [bad]})
    last = queue.enqueue(make("last"), {"after": [then]})
    queue.start()
    finish(queue)
    waiting = queue.get_handle_by_id(then).scan
    assert waiting.state is ScanState.QUEUED
    assert waiting.message == "will not run: bad, which it waits for, is failed"
    assert queue.get_handle_by_id(last).state is ScanState.QUEUED
    queue.restart(bad)
    queue.start()
    finish(queue)
    assert story == ["bad", "bad", "then", "last"]


def test_scans_may_not_wait_for_each_other(make: Any) -> None:
    queue = Queue("q", [make("a"), make("b"), make("c")])
    a, b, c = (handle.scan_id for handle in queue.handles)
    queue.set_terms(b, {"after": [a]})
    queue.set_terms(c, {"after": [b]})
    with pytest.raises(FieldError, match="would wait for each other") as refused:
        queue.set_terms(a, {"after": [c]})
    assert refused.value.field == "after"
    with pytest.raises(FieldError, match="would wait for each other"):
        queue.set_terms(a, {"after": [a]})
    with pytest.raises(FieldError, match="there is no scan 'x'"):
        queue.set_terms(a, {"after": ["x"]})
    assert queue.get_handle_by_id(a).terms == Terms()


def test_the_terms_of_a_scan_that_has_begun_are_past(make: Any) -> None:
    queue = Queue("q", [make("a")])
    queue.start()
    finish(queue)
    with pytest.raises(IllegalTransitionError, match="its terms are past"):
        queue.set_terms(queue.handles[0].scan_id, {"priority": 1})


# After a failure


def test_a_queue_goes_on_after_a_failure_unless_told_otherwise(make: Any, story: list[str]) -> None:
    queue = Queue("q", [make("bad", broken()), make("good")])
    queue.start()
    finish(queue)
    assert story == ["bad", "good"]


def test_a_queue_stops_after_a_failure_if_its_policy_says_so(make: Any, story: list[str]) -> None:
    queue = Queue("q", [make("bad", broken()), make("good")], policy=QueuePolicy(OnFailure.STOP))
    queue.start()
    finish(queue)
    assert story == ["bad"]
    assert [handle.state for handle in queue.handles] == [ScanState.FAILED, ScanState.QUEUED]
    assert "queue stopping: bad failed" in told(queue)
    queue.start()
    finish(queue)
    assert story == ["bad", "good"]


def test_a_scan_that_fails_is_tried_again_right_behind_itself(make: Any, story: list[str]) -> None:
    policy = QueuePolicy(OnFailure.STOP, retries=2)
    queue = Queue("q", [make("bad", broken()), make("good")], policy=policy)
    first = queue.handles[0].scan_id
    queue.start()
    finish(queue)
    assert story == ["bad", "bad", "bad"]
    assert names(queue) == ["bad", "bad", "bad", "good"]
    assert [handle.terms.attempt for handle in queue.handles] == [1, 2, 3, 1]
    assert queue.handles[1].scan.restarted_from == first
    assert "bad is tried again, 2 of 2 times" in told(queue)


def test_a_retry_that_works_lets_the_queue_go_on_after_its_delay(make: Any, story: list[str]) -> None:
    meter = Moody("moody", 1)
    queue = Queue("q", policy=QueuePolicy(OnFailure.STOP, retries=1, retry_delay=0.2))
    bad = queue.enqueue(make("bad", meter))
    queue.enqueue(make("after it"), {"after": [bad]})
    queue.enqueue(make("other"))
    queue.start()
    finish(queue)
    assert story == ["bad", "other", "bad", "after it"], "others go on meanwhile"


def test_only_the_scans_asked_for_and_their_retries_run(make: Any, story: list[str]) -> None:
    queue = Queue("q", [make("bad", broken()), make("good")], policy=QueuePolicy(retries=1))
    queue.start(indices=[0])
    finish(queue)
    assert story == ["bad", "bad"]


def test_a_scan_that_was_aborted_is_not_tried_again(make: Any, story: list[str]) -> None:
    door = Doorway()
    queue = Queue("q", [make("a", Meter("slow", doors={1: door}))], policy=QueuePolicy(retries=5))
    queue.start()
    door.wait_until_entered()
    queue.abort(queue.handles[0].scan_id)
    door.open()
    finish(queue)
    assert queue.size() == 1


# Groups and rounds


def test_a_group_is_run_as_often_as_its_rounds_say(make: Any, story: list[str]) -> None:
    queue = Queue("q", [make("a"), make("b"), make("c")])
    a, b, _ = (handle.scan_id for handle in queue.handles)
    queue.group([a, b], "cool down", 3)
    queue.start()
    finish(queue)
    assert story == ["a", "b", "a", "b", "a", "b", "c"]
    assert names(queue) == ["a", "b", "a", "b", "a", "b", "c"]
    assert [handle.terms.round for handle in queue.handles] == [1, 1, 2, 2, 3, 3, 1]
    assert "group cool down: round 2 of 3 queued" in told(queue)


def test_within_a_round_scans_wait_for_those_of_their_round(make: Any, story: list[str]) -> None:
    queue = Queue("q", [make("a"), make("b")])
    a, b = (handle.scan_id for handle in queue.handles)
    queue.set_terms(a, {"after": [b]})
    queue.group([a, b], "pair", 2)
    queue.start(mode=ExecutionMode.PARALLEL)
    finish(queue)
    assert story == ["b", "a", "b", "a"]
    last = queue.handles[-2:]
    assert last[0].terms.after == (last[1].scan_id,)


def test_a_scan_may_be_repeated_by_itself_until_somebody_stops_it(make: Any, story: list[str]) -> None:
    queue = Queue("q")
    only = queue.enqueue(make("a"), {"rounds": 0})
    queue.start()
    until(lambda: len(story) >= 4)
    queue.set_terms(queue.handles[-1].scan_id, {"rounds": queue.handles[-1].terms.round + 1})
    finish(queue)
    assert all(handle.state is ScanState.COMPLETED for handle in queue.handles)
    assert queue.handles[0].scan_id == only
    count = len(story)
    queue.start()
    assert queue.wait_for_completion(PATIENCE)
    assert len(story) == count


def test_a_stopped_loop_goes_on_at_the_next_start(make: Any, story: list[str]) -> None:
    door = Doorway()
    queue = Queue("q")
    queue.enqueue(make("a", Meter("slow", doors={1: door})), {"rounds": 2})
    queue.start()
    door.wait_until_entered()
    queue.stop_queue()
    door.open()
    finish(queue)
    assert story == ["a"]
    queue.start()
    finish(queue)
    assert story == ["a", "a"]


def test_a_round_of_which_nothing_was_completed_is_the_last(make: Any, story: list[str]) -> None:
    queue = Queue("q")
    queue.enqueue(make("bad", broken()), {"rounds": 0})
    queue.start()
    finish(queue)
    assert story == ["bad"]
    assert "bad is not repeated: nothing of round 1 was completed" in told(queue)


def test_retries_belong_to_their_round(make: Any, story: list[str]) -> None:
    meter = Moody("moody", 1)
    queue = Queue("q", policy=QueuePolicy(retries=1))
    queue.enqueue(make("bad", meter), {"rounds": 2})
    queue.start()
    finish(queue)
    assert [(h.terms.round, h.terms.attempt, str(h.state)) for h in queue.handles] == [
        (1, 1, "failed"),
        (1, 2, "completed"),
        (2, 1, "completed"),
    ]


@pytest.mark.parametrize("take_out", ["abort", "dequeue"])
def test_the_last_scan_of_a_round_may_be_taken_out(make: Any, story: list[str], take_out: str) -> None:
    queue = Queue("q", [make("a"), make("b"), make("z")])
    a, b, _ = (handle.scan_id for handle in queue.handles)
    queue.group([a, b], "pair", 2)
    queue.set_terms(b, {"not_before": datetime.now(UTC) + timedelta(days=1)})
    queue.start()
    until(lambda: "z" in story)
    getattr(queue, take_out)(b)
    until(lambda: story.count("a") == 2)
    queue.abort()
    finish(queue)


def test_a_failed_scan_whose_rounds_are_changed_is_not_tried_again(make: Any, story: list[str]) -> None:
    door = Doorway()
    queue = Queue("q")
    bad = queue.enqueue(make("bad", broken()), {"rounds": 2})
    queue.enqueue(make("long", Meter("slow", doors={1: door})))
    queue.start()
    door.wait_until_entered()
    queue.set_policy({"retries": 3})
    queue.set_terms(bad, {"rounds": 5})
    door.open()
    finish(queue)
    assert story == ["bad", "long"]


def test_a_round_that_is_taken_out_is_not_measured_again(make: Any, story: list[str]) -> None:
    queue = Queue("q")
    queue.enqueue(make("a"), {"rounds": 3})
    queue.start()
    finish(queue)
    queue.dequeue(queue.handles[1].scan_id)
    queue.enqueue(make("z"))
    queue.start()
    finish(queue)
    assert story == ["a", "a", "a", "z"]


def test_the_newest_round_taken_out_ends_the_loop(make: Any, story: list[str]) -> None:
    door = Doorway()
    queue = Queue("q")
    queue.enqueue(make("a", Meter("slow", doors={3: door})), {"rounds": 3})
    queue.start()
    door.wait_until_entered()
    queue.stop_queue()
    door.open()
    finish(queue)
    assert [handle.terms.round for handle in queue.handles] == [1, 2]
    queue.dequeue(queue.handles[1].scan_id)
    queue.enqueue(make("z"))
    queue.start()
    finish(queue)
    assert story == ["a", "a", "z"]


def test_a_loop_that_cannot_be_made_anew_keeps_nothing_else_from_running(make: Any, story: list[str]) -> None:
    queue = Queue("q")
    queue.enqueue(make("a"), {"rounds": 1})
    queue.start()
    finish(queue)
    again = Queue.deserialize(queue.serialize())  # without instruments
    again.set_terms(again.handles[0].scan_id, {"rounds": 2})
    again.enqueue(make("z"))
    again.start()
    finish(again)
    assert story == ["a", "z"]
    assert any("could not be queued again" in line for line in told(again))


def test_the_last_round_is_the_last_whichever_round_it_is_said_of(make: Any, story: list[str]) -> None:
    queue = Queue("q")
    queue.enqueue(make("a"), {"rounds": 0})
    queue.start()
    until(lambda: len(story) >= 3)
    queue.set_terms(queue.handles[0].scan_id, {"rounds": 1})
    finish(queue)
    assert {handle.terms.rounds > 0 for handle in queue.handles} == {True}


def test_who_joins_a_group_takes_its_rounds_and_is_of_its_newest_one(make: Any, story: list[str]) -> None:
    queue = Queue("q")
    queue.enqueue(make("a"), {"group": "g", "rounds": 3})
    queue.enqueue(make("b"), {"group": "g"})
    assert [handle.terms.rounds for handle in queue.handles] == [3, 3]
    door = Doorway()
    queue.enqueue(make("c", Meter("slow", doors={4: door})), {"group": "g"})
    queue.start()
    door.wait_until_entered()
    queue.enqueue(make("late"), {"group": "g"})
    assert queue.handles[-1].terms.round == 2
    door.open()
    finish(queue)
    assert story == ["a", "b", "c", "a", "b", "c", "late", "a", "b", "c", "late"]


def test_a_first_try_that_is_taken_out_does_not_end_the_loop(make: Any, story: list[str]) -> None:
    queue = Queue("q", policy=QueuePolicy(retries=1, retry_delay=0.2))
    bad = queue.enqueue(make("bad", Moody("moody", 1)), {"rounds": 2})
    queue.start()
    until(lambda: queue.size() == 2)
    queue.dequeue(bad)
    finish(queue)
    assert [(h.terms.round, str(h.state)) for h in queue.handles] == [(1, "completed"), (2, "completed")]
