"""How many calls out may go on at once."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontdesk.engine.limits import NO_LIMITS, Ceilings, Going, Limit, Most, full

CEILINGS = Ceilings(capacity=10, incoming_reserve=3, single_reserve=2, dial_starts_per_s=1)
AROUND = st.integers(0, 12)


@pytest.mark.parametrize(
    ("incoming", "out", "single", "limit"),
    [
        (0, 6, True, None),
        (0, 7, True, Limit.CAPACITY),
        (3, 6, True, None),
        (4, 6, True, Limit.CAPACITY),
        (4, 5, True, None),
        (0, 4, False, None),
        (0, 5, False, Limit.SINGLE_RESERVE),
        (0, 7, False, Limit.CAPACITY),
        (5, 3, False, Limit.SINGLE_RESERVE),
        (5, 2, False, None),
        (10, 0, True, Limit.CAPACITY),
    ],
)
def test_the_share_of_calls_in_and_of_single_calls_is_left_alone(
    incoming: int, out: int, single: bool, limit: Limit | None
) -> None:
    """With 10 places, 3 for calls in and 2 for single calls, the last place of each share is the last."""
    assert full(Going(incoming=incoming, out=out), CEILINGS, NO_LIMITS, single=single) is limit


@pytest.mark.parametrize(
    ("most", "limit"),
    [
        (Most(organization=2), Limit.ORGANIZATION),
        (Most(caller_id=1), Limit.CALLER_ID),
        (Most(campaign=3), Limit.CAMPAIGN),
        (Most(organization=3, caller_id=2, campaign=4), None),
    ],
)
def test_each_limit_of_the_calls_own_counts_its_own(most: Most, limit: Limit | None) -> None:
    """Two calls of the organization, one of the caller ID and three of the campaign reach those limits."""
    going = Going(out=3, organization=2, caller_id=1, campaign=3)
    assert full(going, CEILINGS, most, single=False) is limit


@settings(deadline=None)
@given(
    incoming=AROUND,
    capacity=st.integers(1, 12),
    incoming_reserve=AROUND,
    single_reserve=AROUND,
    singles=st.lists(st.booleans(), max_size=30),
)
def test_calls_out_never_take_what_is_kept(
    incoming: int, capacity: int, incoming_reserve: int, single_reserve: int, singles: list[bool]
) -> None:
    """Whoever asks in whatever order: the shares of calls in and of single calls are free afterwards."""
    ceilings = Ceilings(
        capacity=capacity,
        incoming_reserve=incoming_reserve,
        single_reserve=single_reserve,
        dial_starts_per_s=1,
    )
    out = of_campaigns = 0
    for single in singles:
        if full(Going(incoming=incoming, out=out), ceilings, NO_LIMITS, single=single) is None:
            out += 1
            of_campaigns += not single
    kept = max(incoming, incoming_reserve)
    assert out == 0 or out + kept <= capacity
    assert of_campaigns == 0 or of_campaigns + single_reserve + kept <= capacity
    if kept < capacity and singles.count(True) >= capacity:
        assert out == capacity - kept
