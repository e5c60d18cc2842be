"""Where the queue is kept: a SQLite file beside the books', or a schema of its own in PostgreSQL."""

from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any, Self

import psycopg
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.engine import URL, make_url

from frontdesk.storage.addresses import postgres_dsn, sqlite_path

_FILE = "engine.db"
_SCHEMA = "dbos"
_BUSY_MS = 5000
_CONNECTIONS = 6
_LIBPQ_WORDS = frozenset(default.keyword.decode() for default in psycopg.pq.Conninfo.get_defaults())
# No time-outs of locks and statements: DBOS builds indexes beside running gateways, which may take its time.
_SESSION = "-c idle_in_transaction_session_timeout=60s"
_POSTGRES: dict[str, Any] = {
    "connect_timeout": 5,
    "application_name": "frontdesk engine",
    # The network may swallow a connection: https://www.postgresql.org/docs/current/libpq-connect.html
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


class EngineClosedError(Exception):
    """Nobody needs the database any more; what still tries to reach it must give up."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the queue is kept.

    Args:
        url: Of SQLAlchemy, for a driver that blocks.
        dsn: For asyncpg; empty for SQLite.
        schema: Of PostgreSQL: one for each installation that shares a database.
    """

    url: URL
    dsn: str = ""
    schema: str = _SCHEMA

    @classmethod
    def of(cls, url: str) -> Self:
        """Read what is written like DATABASE_URL; books in a schema of their own have a queue of their own.

        Raises:
            DatabaseUrlError: It is neither SQLite nor PostgreSQL.
        """
        path = sqlite_path(url)
        if path is not None:
            return cls(URL.create("sqlite", database=str(path)))
        parsed = make_url(url).set(drivername="postgresql+psycopg")
        search_path = str(parsed.query.get("search_path", ""))
        schema = f"{search_path}_{_SCHEMA}" if search_path else _SCHEMA
        return cls(_for_psycopg(parsed), postgres_dsn(url), schema)

    @property
    def file(self) -> Path | None:
        """The SQLite file."""
        return None if self.dsn else Path(str(self.url.database))

    def engine(self, closed: Event) -> sqlalchemy.Engine:
        """Connections for DBOS, which blocks while it uses them; none is made once `closed` is set.

        DBOS tries for ever to reach a database that is away, also after it was destroyed.
        """
        made = sqlalchemy.create_engine(
            self.url,
            pool_size=_CONNECTIONS,
            max_overflow=_CONNECTIONS,
            pool_pre_ping=bool(self.dsn),
            connect_args=_connect_args(self),
            hide_parameters=True,
        )

        @event.listens_for(made, "do_connect")
        def refuse(*_: object) -> None:
            if closed.is_set():
                raise EngineClosedError

        if not self.dsn:
            event.listen(made, "connect", _prepare_sqlite)
        return made


def engine_url(database_url: str, engine_database_url: str | None) -> str:
    """Where the queue is: as set, else a file beside the books' SQLite file, else the books' PostgreSQL."""
    if engine_database_url:
        return engine_database_url
    path = sqlite_path(database_url)
    return database_url if path is None else f"sqlite:///{path.with_name(_FILE)}"


def _for_psycopg(url: URL) -> URL:
    """Unknown parameters become server settings, as for asyncpg; the search path is not used."""
    known = {name: value for name, value in url.query.items() if name in _LIBPQ_WORDS}
    settings = [
        f"-c {name}={_escaped(str(value))}"
        for name, value in url.query.items()
        if name not in _LIBPQ_WORDS and name != "search_path"
    ]
    options = " ".join([str(known.get("options", "")), _SESSION, *settings]).strip()
    return url.set(query={**known, "options": options})


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def _connect_args(address: Address) -> dict[str, Any]:
    if address.dsn:
        return _POSTGRES
    return {"timeout": _BUSY_MS / 1000}


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # As DBOS sets up an engine of its own, and WAL: https://www.sqlite.org/wal.html
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
