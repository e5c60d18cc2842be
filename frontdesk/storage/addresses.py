"""Where the database is, from DATABASE_URL."""

from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from frontdesk.errors import DatabaseUrlError

POSTGRES_SCHEMES = frozenset({"postgres", "postgresql", "postgresql+asyncpg"})
SQLITE_SCHEMES = frozenset({"sqlite", "sqlite+aiosqlite"})


def sqlite_path(url: str) -> Path | None:
    """The SQLite file that `url` names; None when it names PostgreSQL.

    Raises:
        DatabaseUrlError: It names neither. The message does not repeat it: it may hold a password.
    """
    try:
        parsed = make_url(url)
        _ = urlsplit(url).port  # a password with a bare slash is taken for a port, and quoted in errors
    except (ArgumentError, ValueError):
        raise DatabaseUrlError from None
    if parsed.drivername in POSTGRES_SCHEMES:
        return None
    if parsed.drivername not in SQLITE_SCHEMES or parsed.database in {None, "", ":memory:"}:
        raise DatabaseUrlError
    return Path(str(parsed.database))


def postgres_dsn(url: str) -> str:
    """`url` as libpq and asyncpg write it; unknown parameters become server settings."""
    return "postgresql://" + url.split("://", 1)[1]
