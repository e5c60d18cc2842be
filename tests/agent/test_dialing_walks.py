"""The dial-out machine among everything that a network may do, in any order and number."""

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from frontdesk.agent.dial_events import Begin, Cancel
from frontdesk.agent.dial_state import State
from tests.agent.dial_world import DialWorld

T = TypeVar("T")

FATES = (
    "silent",
    "stopped",
    "stopped at once",
    "error",
    "error then stopped",
    "stopped then error",
    "error without id",
    "answered",
    "answered without ringing",
    "answered and hung up",
)
LATE_FATES = ("rings", "rings and stops", "answered", "answered and hung up")
ERRORS = ("486 Busy", "carrier trouble", "503", "dial-out not enabled for room", "404", "")


class Chance(Protocol):
    """Where a walk takes its choices from."""

    def one_of(self, choices: Sequence[T]) -> T:
        """Any of these."""


class Drawn:
    """Choices by hypothesis, which shrinks a walk that breaks a promise."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def one_of(self, choices: Sequence[T]) -> T:
        return self._data.draw(st.sampled_from(choices))


class Rolled:
    """Choices by a seed, for many walks in little time."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def one_of(self, choices: Sequence[T]) -> T:
        return self._random.choice(choices)


def walk(chance: Chance, *, late: bool = False) -> None:
    """Let the network do anything, deliver its news in any order and number, and check the promises.

    When it is `late`, the first dial is refused as the network's trouble is, and rings all the same.
    """
    most_dials = chance.one_of((2, 3, 4) if late else (1, 2, 3, 4))
    world = DialWorld(State(most_dials))
    world.deliver(Begin())
    told, repeats = 0, 8
    while not world.finishes and (world.pending or world.questions or told < world.dials):
        if world.questions:
            world.gateway_answers(may=chance.one_of((True, True, False)))
        if told < world.dials:
            told = world.dials
            if late and told == 1:
                world.network_errs(1, "503", chance.one_of(LATE_FATES))
            else:
                _fate(world, told, chance)
        turn = chance.one_of(("news",) * 12 + ("again",) * 6 + ("cancel",))
        if turn == "cancel" and not world.canceled:
            world.canceled = True
            world.deliver(Cancel())
        elif turn == "again" and repeats:
            repeats -= 1
            world.deliver(chance.one_of(world.delivered))
        else:
            world.deliver(world.pending.pop(chance.one_of(range(len(world.pending)))))
    for _ in range(6):
        world.deliver(chance.one_of(world.delivered))
    assert world.dials <= most_dials
    assert world.talks <= 1
    assert len(world.finishes) <= 1
    assert world.finishes or world.talks, world.state


def _fate(world: DialWorld, dial: int, chance: Chance) -> None:
    error = chance.one_of(ERRORS)
    fate = chance.one_of(("refused", "refused and yet", *FATES))
    if fate == "refused":
        world.network_refuses(dial, error)
    elif fate == "refused and yet":
        world.network_errs(dial, error, chance.one_of(LATE_FATES))
    else:
        world.network_starts(dial)
        world.network_tells(dial, fate, error)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_order_and_duplication_of_events_keeps_the_promises(data: st.DataObject) -> None:
    """At most one phone rings, at most N dials, none after an answer or a cancel, and it always ends."""
    walk(Drawn(data))


def test_ten_thousand_walks_keep_the_promises() -> None:
    """The same promises hold over many more walks than can be shrunk."""
    for seed in range(10_000):
        walk(Rolled(seed))


def test_thousands_of_walks_with_a_late_ring_keep_the_promises() -> None:
    """A refused dial whose phone rings at any later moment: never do two phones ring on."""
    for seed in range(5_000):
        walk(Rolled(seed), late=True)
