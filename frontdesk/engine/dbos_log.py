"""What DBOS logs: nothing below a warning, each kind of line once a minute, only its first line."""

import logging

_EVERY_S = 60.0


class Sparing(logging.Filter):
    """Lets a line of DBOS through when none of its kind came within a minute.

    Its polling threads complain ten times a second while their database is away.
    """

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, int], float] = {}
        self.stopping = False
        """Whether what is canceled is canceled on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether to log it; shortens it."""
        if record.levelno < logging.WARNING:
            return False  # DBOS sets its own level only after its first lines
        kind = (record.pathname, record.lineno)
        if self.stopping or record.created - self._last.get(kind, 0.0) < _EVERY_S:
            return False
        self._last[kind] = record.created
        record.msg, record.args = record.getMessage().partition("\n")[0], None
        record.exc_info = record.exc_text = None
        return True


def quieten() -> Sparing:
    """Have DBOS log through the root logger, sparingly; safe to call again."""
    logger = logging.getLogger("dbos")
    for known in logger.filters:
        if isinstance(known, Sparing):
            known.stopping = False
            return known
    logger.addHandler(logging.NullHandler())  # DBOS writes to stderr itself where there is no handler
    sparing = Sparing()
    logger.addFilter(sparing)
    return sparing
