"""When a client tries again, and when it stops."""

from __future__ import annotations

import pytest

from link.reconnect import ReconnectPolicy, Retry, Stop, Verdict


class Highest:
    """The longest delay each time, to see the bounds."""

    def uniform(self, a: float, b: float) -> float:
        return b


@pytest.fixture
def policy() -> ReconnectPolicy:
    return ReconnectPolicy(Highest())


def delay(verdict: Verdict) -> float:
    assert isinstance(verdict, Retry)
    return verdict.delay


def test_delays_grow_and_stay_under_two_seconds(policy: ReconnectPolicy) -> None:
    assert [delay(policy.unreachable()) for _ in range(7)] == [0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_an_absent_hub_is_waited_for_without_end(policy: ReconnectPolicy) -> None:
    assert all(isinstance(policy.unreachable(), Retry) for _ in range(10_000))


def test_a_lasting_connection_starts_everything_anew(policy: ReconnectPolicy) -> None:
    for _ in range(4):
        policy.ended(0.1, "It broke off.")
    assert delay(policy.ended(2.0, "It broke off.")) == 0.1
    assert all(isinstance(policy.ended(1.9, "It broke off."), Retry) for _ in range(4))


def test_five_connections_that_end_at_once_are_enough(policy: ReconnectPolicy) -> None:
    verdicts = [policy.ended(0.1, "It broke off.") for _ in range(5)]
    assert all(isinstance(one, Retry) for one in verdicts[:4])
    stop = verdicts[4]
    assert isinstance(stop, Stop)
    assert stop.reason.endswith("It broke off.")


def test_a_hub_that_was_away_in_between_gets_a_new_chance(policy: ReconnectPolicy) -> None:
    for _ in range(20):
        assert isinstance(policy.ended(0.1, "It broke off."), Retry)
        policy.unreachable()


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_forgiven_once(status: int) -> None:
    policy = ReconnectPolicy(Highest())
    assert isinstance(policy.refused(status), Retry)
    assert isinstance(policy.refused(status), Stop)


def test_refusals_apart_are_forgiven(policy: ReconnectPolicy) -> None:
    for _ in range(5):
        assert isinstance(policy.refused(403), Retry)
        policy.ended(60, "The hub is shutting down.")


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_a_hub_in_trouble_is_waited_for(policy: ReconnectPolicy, status: int) -> None:
    assert all(isinstance(policy.refused(status), Retry) for _ in range(50))


def test_something_else_on_the_port_is_named(policy: ReconnectPolicy) -> None:
    verdict = [policy.refused(404) for _ in range(5)][-1]
    assert isinstance(verdict, Stop)
    assert "not Alisa's hub" in verdict.reason
