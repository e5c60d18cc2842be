"""`frontdesk do-not-call import`, on a SQLite file of its own."""

import asyncio
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from frontdesk.gate.cli import app
from frontdesk.gate.do_not_call import DoNotCall
from tests.databases import opened

CLINICS = Path(__file__).resolve().parents[2] / "clinics"
DEFAULT = yaml.safe_load((CLINICS / "bright-smile.yaml").read_text())["id"]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    address = f"sqlite:///{tmp_path / 'books' / 'frontdesk.db'}"
    monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "1")
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("CLINICS_DIR", str(CLINICS))
    return address


def run(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def listed(url: str) -> list[str]:
    async def read() -> list[str]:
        async with opened(url) as database:
            return [entry.number for entry in await DoNotCall(database).page(DEFAULT)]

    return asyncio.run(read())


def test_a_file_is_imported(url: str, tmp_path: Path) -> None:
    """A file is put on the default organization's list; what is wrong is told by line, with exit code 1."""
    file = tmp_path / "numbers.csv"
    file.write_text("number\n+12025550123\n+12025550124\n", encoding="utf-8")
    done = run("import", str(file))
    assert (done.exit_code, done.stdout) == (
        0,
        "bright-smile: 2 rows: 2 added, 0 already listed, 0 not usable\n",
    )
    file.write_text("number\n+12025550123\n911\n", encoding="utf-8")
    again = run("import", str(file), "--organization", "bright-smile")
    assert again.exit_code == 1
    assert "2 rows: 0 added, 1 already listed, 1 not usable" in again.stdout
    assert "line 3: " in again.stderr
    assert listed(url) == ["+12025550123", "+12025550124"]


def test_many_problems_are_cut_short(url: str, tmp_path: Path) -> None:
    """Of many wrong rows the first twenty are printed."""
    file = tmp_path / "numbers.csv"
    file.write_text("number\n" + "12\n" * 25, encoding="utf-8")
    done = run("import", str(file))
    assert (done.exit_code, done.stderr.count("line "), "and 5 more" in done.stderr) == (1, 20, True)


def test_a_file_that_is_none(url: str, tmp_path: Path) -> None:
    """A file that cannot be read as CSV ends with a sentence, not with a trace."""
    file = tmp_path / "numbers.csv"
    file.write_text("name,telephone\nAda,1\n", encoding="utf-8")
    done = run("import", str(file))
    assert (done.exit_code, "must name the columns" in done.stderr) == (1, True)
    assert run("import", str(tmp_path / "none.csv")).exit_code == 2
    assert listed(url) == []
