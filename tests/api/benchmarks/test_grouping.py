import pytest

from api.benchmarks.grouping import NEUTRAL, ORDINARY, TARGET, judge_groups, measure_grouping, orders, show_grouping


def test_perfect_groups() -> None:
    found = judge_groups([[0, 1, 2], [3, 4], [5], [6]], [0, 0, 0, 1, 1, ORDINARY, NEUTRAL])
    assert (found.pairwise_f1, found.b3_f1, found.split, found.events, found.orders) == (1.0, 1.0, 0.0, 2, 7)


def test_an_ordinary_order_in_a_group_is_a_mistake_and_a_neutral_one_is_not() -> None:
    events = [0, 0, 0, ORDINARY, NEUTRAL]
    assert judge_groups([[0, 1, 2, 4], [3]], events).pairwise_precision == 1.0
    mixed = judge_groups([[0, 1, 2, 3], [4]], events)
    assert mixed.pairwise_precision == pytest.approx(3 / 6)  # three right pairs, three with the ordinary one
    assert mixed.b3_precision == pytest.approx(3 / 4)
    assert mixed.pairwise_recall == 1.0


def test_a_split_event_and_two_in_one() -> None:
    split = judge_groups([[0, 1], [2, 3]], [0, 0, 0, 0])
    assert (split.pairwise_precision, split.pairwise_recall, split.split) == (1.0, pytest.approx(2 / 6), 1.0)
    joined = judge_groups([[0, 1, 2, 3]], [0, 0, 1, 1])
    assert joined.pairwise_precision == pytest.approx(2 / 6)
    assert (joined.pairwise_recall, joined.split) == (1.0, 0.0)


def test_nothing_found_is_nought() -> None:
    assert judge_groups([], [0, 0]).pairwise_f1 == 0.0


def test_orders_carry_their_truth() -> None:
    posts, event_of = orders(5, days=40, per_day=10.0, events=3)
    assert len(posts) == len(event_of)
    assert {event for event in event_of if event >= 0} == {0, 1, 2}
    assert ORDINARY in event_of
    silent = sum(not post.objects for post in posts) / len(posts)
    assert silent > 0.05


def test_events_of_a_small_city_are_found_whole(capsys: pytest.CaptureFixture[str]) -> None:
    found = measure_grouping([6], days=30, per_day=12.0, events=4)
    assert found["mean"]["pairwise_f1"] > 0.7
    assert found["mean"]["b3_f1"] > 0.7
    show_grouping(found)
    told = capsys.readouterr().out
    assert f"目标 {TARGET:.2f}" in told
    assert ("未达到" in told) == (found["mean"]["pairwise_f1"] < TARGET)
