"""Which bots were written down lately: heartbeats between those writes cost no write."""

Key = tuple[str, int]


class Pulses:
    """Remembers the last write per call and attempt, and forgets it after a while.

    Args:
        every_s: How often a bot that only lives is to be written down, in seconds.
    """

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._written: dict[Key, float] = {}

    def __len__(self) -> int:
        return len(self._written)

    def due(self, key: Key, now: float) -> bool:
        """Whether a heartbeat should be written down now."""
        written = self._written.get(key)
        return written is None or now - written >= self._every_s

    def note(self, key: Key, now: float) -> None:
        """Something of this bot was written down."""
        self._written.pop(key, None)
        self._written[key] = now
        self._forget(now)

    def _forget(self, now: float) -> None:
        # In the order of writing: the oldest are in front.
        while self._written:
            key = next(iter(self._written))
            if now - self._written[key] < self._every_s:
                return
            del self._written[key]
