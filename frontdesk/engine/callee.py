"""Who is called, without saying whom: a digest that only this installation can compute."""

import hashlib
import hmac
import secrets

from sqlalchemy import text

from frontdesk.storage.database import Database

_NAME = "callee_secret"
_KEEP_FIRST = text("INSERT INTO notes (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING")
_READ = text("SELECT value FROM notes WHERE name = :name")


class Callees:
    """Digests of callees' numbers: the same for all gateways of an installation, of no use without its books.

    Args:
        database: Keeps the secret.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._secret: bytes | None = None

    async def digest(self, organization_id: str, number: str) -> str:
        """32 hex digits; two organizations have different ones for the same number.

        Raises:
            DatabaseUnavailableError: The secret cannot be read now.
        """
        if self._secret is None:
            self._secret = await self._read()
        content = f"{organization_id}\0{number}".encode()
        return hmac.new(self._secret, content, hashlib.sha256).hexdigest()[:32]

    async def _read(self) -> bytes:
        async with self._database.writer() as connection:
            await connection.execute(_KEEP_FIRST, {"name": _NAME, "value": secrets.token_hex(32)})
            found: str = (await connection.execute(_READ, {"name": _NAME})).scalar_one()
        return bytes.fromhex(found)
