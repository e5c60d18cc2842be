"""Which endpoints are in trouble: what this process knows; the database decides."""

from collections.abc import Iterable


class Standing:
    """The disabled and the failing endpoints, as last read from the database."""

    def __init__(self) -> None:
        self._disabled: frozenset[str] = frozenset()
        self.failing: frozenset[str] = frozenset()

    def disabled(self, endpoint_id: str) -> bool:
        """Whether an endpoint is disabled."""
        return endpoint_id in self._disabled

    def learn(self, disabled: Iterable[str], failing: Iterable[str]) -> None:
        """Take over what the database says."""
        self._disabled = frozenset(disabled)
        self.failing = frozenset(failing)
