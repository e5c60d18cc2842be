"""What the Dockerfile puts into an image, and a child process that sees exactly that."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]

# Runs in the child: no file of the checkout and no distribution outside the lock can be imported.
_GUARD = """
import importlib.metadata, re, sys
checkout, lock, statement = sys.argv[1:4]
sys.path = ["."] + [p for p in sys.path if p not in ("", checkout)]
canonical = lambda name: re.sub(r"[-_.]+", "-", name).lower()
locked = {canonical(line.split("==")[0]) for line in open(lock) if "==" in line and line[0].isalnum()}
owners = importlib.metadata.packages_distributions()
class OutsideTheImage:
    def find_spec(self, name, path=None, target=None):
        dists = owners.get(name, []) if "." not in name else []
        if dists and not any(canonical(d) in locked for d in dists):
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)
sys.meta_path.insert(0, OutsideTheImage())
exec(statement)
"""


def stage(name: str) -> str:
    """The instructions of one stage of the Dockerfile."""
    stages = re.split(r"^FROM ", (CHECKOUT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return next(text for text in stages if re.match(rf"\S+ AS {name}\n", text))


def copied(name: str) -> list[tuple[list[str], str]]:
    """(sources, destination) of every COPY of a stage."""
    lines = re.findall(r"^COPY (.+)$", stage(name), flags=re.MULTILINE)
    return [(_expanded(words[:-1]), words[-1]) for words in (line.split() for line in lines)]


def _expanded(sources: list[str]) -> list[str]:
    found = [sorted(str(path.relative_to(CHECKOUT)) for path in CHECKOUT.glob(s)) or [s] for s in sources]
    return [source for sources in found for source in sources]


def unpack(name: str, folder: Path) -> None:
    """Lay the files of an image into a folder, as COPY would."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc")
    for sources, destination in copied(name):
        for source in sources:
            target = folder / destination
            if (CHECKOUT / source).is_dir():
                shutil.copytree(CHECKOUT / source, target, ignore=ignore)
            else:
                target = target / Path(source).name if destination.endswith("/") else target
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(CHECKOUT / source, target)


def run_in_image(
    name: str, folder: Path, statement: str, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run Python code that sees the image's files and locked packages only."""
    unpack(name, folder)
    lock = folder / f"requirements-{name}.lock"
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "SYSTEMROOT") if key in os.environ}
    return subprocess.run(
        [sys.executable, "-c", _GUARD, str(CHECKOUT), str(lock), statement],
        cwd=folder,
        env={**kept, "PYTHON_DOTENV_DISABLED": "1", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
