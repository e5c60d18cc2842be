"""A clock that stands until a test moves it."""

from dataclasses import dataclass

from tests.records.office import NOW

DAY = 86_400.0


@dataclass
class Clock:
    """An hour after the calls of the books."""

    now: float = NOW + 3600

    def __call__(self) -> float:
        return self.now
