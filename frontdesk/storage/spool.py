"""A spool (being written)."""

from pathlib import Path


class Spool:
    """What the database did not take in time.

    Args:
        folder: On a disk that stays.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
