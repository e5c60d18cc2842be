"""Engines with settings that were measured: one writer and some readers for SQLite, a pool for PostgreSQL."""

from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from frontdesk.storage.addresses import postgres_dsn
from frontdesk.storage.json_text import from_text, to_text

BUSY_S = 5
"""How long a statement waits for another process's lock."""
STATEMENT_S = 20
CONNECT_S = 5
POSTGRES_SETTINGS = {
    "application_name": "frontdesk",
    "lock_timeout": f"{BUSY_S}s",
    "statement_timeout": f"{STATEMENT_S}s",
    "idle_in_transaction_session_timeout": "60s",
}
_COMMON: dict[str, Any] = {
    "json_serializer": to_text,
    "json_deserializer": from_text,
    "hide_parameters": True,  # they are numbers and transcripts, and errors are logged
}


def sqlite_writer(path: Path) -> AsyncEngine:
    """The only connection that writes: more of them would wait for each other with back-off."""
    engine = _sqlite(path, pool_size=1)
    _on_begin(engine, "BEGIN IMMEDIATE")
    _on_connect(engine, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON")
    _on_connect(engine, "PRAGMA secure_delete=ON")  # what is erased is not left in free pages
    return engine


def sqlite_reader(path: Path) -> AsyncEngine:
    """Connections that see the last commit and cannot write."""
    engine = _sqlite(path, pool_size=4)
    _on_begin(engine, "BEGIN")
    _on_connect(engine, "PRAGMA query_only=ON")
    return engine


def postgres(url: str) -> AsyncEngine:
    """A pool whose connections are checked before they are used."""
    dsn = postgres_dsn(url)

    async def connect() -> Any:
        return await asyncpg.connect(
            dsn, timeout=CONNECT_S, command_timeout=STATEMENT_S + BUSY_S, server_settings=POSTGRES_SETTINGS
        )

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        pool_size=6,
        max_overflow=4,
        pool_pre_ping=True,
        **_COMMON,
    )


def _sqlite(path: Path, *, pool_size: int) -> AsyncEngine:
    return create_async_engine(
        f"sqlite+aiosqlite:///{path}",
        pool_size=pool_size,
        max_overflow=0,
        connect_args={"timeout": BUSY_S, "isolation_level": None},
        **_COMMON,
    )


def _on_connect(engine: AsyncEngine, *pragmas: str) -> None:
    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    event.listen(engine.sync_engine, "connect", connected)


def _on_begin(engine: AsyncEngine, statement: str) -> None:
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(statement)

    event.listen(engine.sync_engine, "begin", begin)
