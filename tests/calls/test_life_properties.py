"""Whatever happens to a call, in whatever order it is heard of."""

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from frontdesk.calls.life import AskPresence, CloseLine
from frontdesk.calls.models import Fact, State
from tests.calls.histories import History, arrivals, histories
from tests.calls.lifetime import BOT, MAX_DURATION_S, PATIENCE, Life, obeys, record, terminal

UNHURRIED = settings(
    deadline=None, max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
RINGING_S = 2 * (30 + 30)
LONGEST_S = PATIENCE.join_s + RINGING_S + MAX_DURATION_S + PATIENCE.slack_s + PATIENCE.expiry_s


def lived(history: History, facts: list[Fact], heard_at: float) -> Life:
    """The call after these facts and as much time as it takes."""
    life = Life(history.call).hear(*facts, at=heard_at)
    return life.run(heard_at, answer=obeys(bot=history.bot_stays, phones=history.phones))


@UNHURRIED
@given(st.data(), histories())
def test_any_order_and_any_copies_give_the_same_record(data: st.DataObject, history: History) -> None:
    """However the reports of both sources arrive, the record is the one of the order in which it happened."""
    in_order = sorted(history.facts, key=lambda one: one.at)
    heard_at = in_order[-1].at + 1
    expected = lived(history, in_order, heard_at)
    assert expected.state.ended
    shuffled = lived(history, data.draw(arrivals(history.facts)), heard_at)
    assert record(shuffled.state) == record(expected.state)


@UNHURRIED
@given(st.data(), histories())
def test_one_end_and_nothing_after_it(data: st.DataObject, history: History) -> None:
    """With the clock looking at any moments, a call ends once, tells it last, and no fact moves it again."""
    facts = data.draw(arrivals(history.facts))
    life, now = Life(history.call), 1000.0
    for one in facts:
        now = max(now, one.at) + data.draw(st.sampled_from([0.0, 0.1, 3.0, 30.0, 300.0]))
        life.hear(one, at=now)
        if data.draw(st.booleans()):
            life.run(now, until=now, answer=obeys(bot=history.bot_stays, phones=history.phones))
    life.run(now, answer=obeys(bot=history.bot_stays, phones=history.phones))
    assert life.types.count("call.ended") == 1
    end = terminal(life.state)
    life.hear(*facts, at=now + 5000).run(now + 5000, answer=obeys())
    assert terminal(life.state) == end


@UNHURRIED
@given(st.data(), histories())
def test_the_clock_alone_ends_every_call(data: st.DataObject, history: History) -> None:
    """After any part of a history and with every order unanswered, the call ends and its orders cease."""
    facts = data.draw(arrivals(history.facts))
    heard = facts[: data.draw(st.integers(0, len(facts)))]
    life = Life(history.call).hear(*heard)
    begun_at = max([1000.0, *(one.at for one in heard if one.type == "attempt_opened")])
    waits_until = history.plan.latest_at if history.plan else 0.0
    life.run(begun_at, until=max(begun_at, waits_until) + LONGEST_S)
    assert life.state.ended
    life.run(begun_at + LONGEST_S)
    assert life.state.due_at is None


@UNHURRIED
@given(st.data(), histories(), st.floats(0, 0.99))
def test_a_restart_gives_every_bot_a_fresh_lease(data: st.DataObject, history: History, part: float) -> None:
    """As long as a lease after a start, the silence of a bot has no consequence, whatever it was before."""
    reports = [one for one in sorted(history.facts, key=lambda one: one.at) if one.source is BOT]
    alive = [one for one in reports if one.type not in {"ended", "ending"}]
    heard = alive[: data.draw(st.integers(0, len(alive)))]
    assume(heard or history.plan is None)
    life = Life(history.call).hear(*heard)
    life.up_since = 1000.0 + data.draw(st.floats(100, 100_000))
    orders = life.tick(life.up_since + part * PATIENCE.lease_s)
    assert orders == ()
    assert life.state.state is not State.ENDED
    assert life.state.hang_up is None
    assert all(attempt.hang_up is None for attempt in life.state.attempts)


@UNHURRIED
@given(histories())
def test_no_room_is_left(history: History) -> None:
    """When all is done, every attempt's room has been closed, or was ordered to be."""
    life = lived(history, history.facts, max(one.at for one in history.facts) + 1)
    ordered = {order.attempt for order in life.orders if isinstance(order, CloseLine)}
    for attempt in life.state.attempts:
        assert attempt.closed_at is not None
        assert attempt.number in ordered or any(one.type == "closed" for one in history.facts)
    assert not [order for order in life.orders if isinstance(order, AskPresence) and not order.attempt]
