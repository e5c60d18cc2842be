"""`frontdesk keys` and `frontdesk erase`, on a SQLite file of their own."""

import asyncio
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from frontdesk.calls.tables import calls
from frontdesk.cli import app
from frontdesk.keys.service import Keyring
from frontdesk.keys.store import KeyStore
from frontdesk.storage.database import Database
from tests.databases import opened
from tests.records.office import _ENDED as ENDED

CLINICS = Path(__file__).resolve().parents[2] / "clinics"
DEFAULT = yaml.safe_load((CLINICS / "bright-smile.yaml").read_text())["id"]


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    address = f"sqlite:///{tmp_path / 'books' / 'frontdesk.db'}"
    monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "1")
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.setenv("CLINICS_DIR", str(CLINICS))
    monkeypatch.setenv("COLUMNS", "80")
    return address


def run(*words: str, code: int = 0) -> Result:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == code, result.output
    return result


async def holder(database: Database, key: str) -> str | None:
    return (await Keyring(KeyStore(database)).holder(key.encode())).organization_id


def test_a_key_is_made_listed_and_revoked(url: str) -> None:
    """The key is printed once, alone on stdout; the list shows its id, never its secret."""
    key = run("keys", "create", "crm", "--scope", "calls:read", "--expires-days", "9").stdout.strip()
    assert re.fullmatch(r"fdk_[0-9a-f]{12}_[\w-]{43}", key)

    async def check() -> str | None:
        async with opened(url) as database:
            return await holder(database, key)

    assert asyncio.run(check()) == DEFAULT
    listed = run("keys", "list").output
    assert key.split("_")[1] in listed
    assert "good" in listed
    assert key[17:] not in listed
    run("keys", "revoke", key)
    assert "revoked" in run("keys", "list").output


def test_mistakes_are_explained(url: str) -> None:
    """An unknown organization, scope or key ends the command with what to do, not with a traceback."""
    assert "no such organization" in run("keys", "create", "x", "--organization", "nobody", code=2).output
    run("keys", "create", "x", "--scope", "calls:everything", code=2)
    assert "no such API key" in run("keys", "revoke", "0" * 12, code=1).output
    assert "--patient" in run("erase", code=2).output
    assert "--patient" in run("erase", "--patient", "a", "--number", "+12025550123", code=2).output


def test_a_wrong_database_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that cannot be used is told in one sentence."""
    monkeypatch.setenv("DATABASE_URL", "mysql://root:secret@127.0.0.1/x")
    told = run("keys", "list", code=1).output
    assert "DATABASE_URL" in told
    assert "secret" not in told


def test_one_person_is_erased(url: str) -> None:
    """`frontdesk erase` erases the calls of one person and tells how many there were."""

    async def fill() -> None:
        async with opened(url) as database, database.writer() as connection:
            for n, patient in enumerate(("p-1", "p-1", "p-2")):
                row = ENDED | {
                    "id": f"{n:032x}",
                    "organization_id": DEFAULT,
                    "patient_id": patient,
                    "created_at": 1e9,
                }
                await connection.execute(calls.insert().values(row))

    asyncio.run(fill())
    assert "2 calls" in run("erase", "--patient", "p-1").output
    assert "0 calls" in run("erase", "--patient", "p-1").output
    assert "1 calls" in run("erase", "--number", "+1 202-555-0123").output
