"""What is remembered of launches that are over is little, and bounded."""

import gc
import tracemalloc
import weakref

import pytest

from frontdesk.dialin.answered import AnsweredCalls
from frontdesk.errors import FrontdeskError, LaunchError, LaunchTimeoutError
from frontdesk.launch.service import Launched


def _id(number: int) -> str:
    return f"{number:032x}"


def test_the_oldest_answers_go_first() -> None:
    """Beyond so many calls, or after so long, a call is forgotten; a call told again counts as new."""
    at = 0.0
    answered = AnsweredCalls(most=3, keep_s=10, now=lambda: at)
    for number in (0, 1, 2, 0, 3):
        answered.keep(_id(number), Launched("https://clinic.daily.co/r", f"s-{number}"))
    assert answered.find(_id(1)) is None
    assert [answer.session_id for n in (2, 0, 3) if (answer := answered.find(_id(n)))] == [
        "s-2",
        "s-0",
        "s-3",
    ]
    at = 11.0
    assert answered.find(_id(3)) is None
    assert len(answered) == 0


def test_an_answer_costs_less_than_half_a_kilobyte() -> None:
    """A launch of a call costs nothing later but this."""
    gc.collect()
    tracemalloc.start()
    answered = AnsweredCalls(most=4000)
    for number in range(8000):
        answered.keep(_id(number), Launched(f"https://clinic.daily.co/fd-{_id(number)}", _id(-number % 999)))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(answered) == 4000
    assert held / 4000 < 512


def test_an_error_is_raised_again_without_its_past() -> None:
    """Each copy hears the error of the launch; what the launch had in its hands is let go."""

    class Heavy:
        pass

    def fail(heavy: Heavy) -> None:
        assert heavy
        raise LaunchTimeoutError(retry_after_s=3, agent="frontdesk") from ConnectionError()

    answered, heavy = AnsweredCalls(), Heavy()
    try:
        fail(heavy)
    except LaunchError as error:
        answered.keep(_id(1), error)
    gone = weakref.ref(heavy)
    del heavy
    for _ in range(2):
        with pytest.raises(LaunchTimeoutError) as raised:
            answered.find(_id(1))
        assert raised.value.problem() == LaunchTimeoutError(retry_after_s=3, agent="frontdesk").problem()
        assert raised.value.__cause__ is None
        del raised
    assert gone() is None
    (_, kept) = answered._outcomes[_id(1)]
    assert isinstance(kept, FrontdeskError)
    assert kept.__traceback__ is None
