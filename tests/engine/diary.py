"""What the processes of a test did, on the disk."""

from pathlib import Path


class Diary:
    """What a process did, on the disk."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._name = name

    def write(self, *words: object) -> None:
        """Add a line."""
        with self._path.open("a") as file:
            file.write(" ".join(map(str, (self._name, *words))) + "\n")
