"""How many tries may be under way: each endpoint has its own queue, and a share that nobody can take."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Queue:
    """One endpoint's queue, as this process knows it. Times are UTC seconds.

    Args:
        in_flight: Claims that are not settled yet.
        look_at: When to look for claims.
        rest_until: The receiver asked for a pause until then.
    """

    endpoint_id: str
    in_flight: int = 0
    look_at: float = -math.inf
    rest_until: float = -math.inf

    @property
    def next_at(self) -> float:
        """When there may be something to claim."""
        return max(self.look_at, self.rest_until)

    def expect(self, due_at: float | None) -> None:
        """Look when something is due, if not earlier."""
        if due_at is not None:
            self.look_at = min(self.look_at, due_at)


class Queues:
    """All queues and what they may have in flight.

    A queue with nothing in flight may always have one try: slow receivers, however many, never take the
    last place. So the most that is in flight is `together` and one for each endpoint.

    Args:
        endpoint_ids: One queue each.
        each: Most tries of one endpoint at a time.
        together: Most tries of all endpoints at a time, apart from each one's first.
    """

    def __init__(self, endpoint_ids: Iterable[str], each: int, together: int) -> None:
        self._queues = {endpoint_id: Queue(endpoint_id) for endpoint_id in endpoint_ids}
        self._each = each
        self._together = together

    def __iter__(self) -> Iterator[Queue]:
        return iter(self._queues.values())

    def __getitem__(self, endpoint_id: str) -> Queue:
        return self._queues[endpoint_id]

    @property
    def in_flight(self) -> int:
        """Claims that are not settled yet."""
        return sum(queue.in_flight for queue in self)

    def room(self, queue: Queue, taken: int) -> int:
        """How many more tries a queue may begin while `taken` are in flight."""
        shared = min(self._each - queue.in_flight, self._together - taken)
        return max(shared, 0 if queue.in_flight else 1)

    def taken(self, endpoint_ids: Iterable[str]) -> None:
        """Count tries that begin, each by its endpoint."""
        for endpoint_id in endpoint_ids:
            self._queues[endpoint_id].in_flight += 1

    def freed(self, endpoint_ids: Iterable[str]) -> None:
        """Count tries that are settled."""
        for endpoint_id in endpoint_ids:
            self._queues[endpoint_id].in_flight -= 1

    def wake(self, endpoint_ids: Iterable[str]) -> None:
        """Look at these queues at once."""
        for endpoint_id in endpoint_ids:
            if endpoint_id in self._queues:
                self._queues[endpoint_id].look_at = -math.inf

    def next_at(self) -> float:
        """When any queue with room may have something to claim; infinity when all are full."""
        taken = self.in_flight
        return min((queue.next_at for queue in self if self.room(queue, taken)), default=math.inf)
