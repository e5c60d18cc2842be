"""What the errors of the drivers mean: come back later, try again at once, or a fault of the statement.

Codes: https://www.sqlite.org/rescode.html and https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

SQLITE_AWAY = frozenset({5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 26})
"""Busy, locked, no memory, read-only, interrupted, I/O, corrupt, full, cannot open, protocol, no database."""
POSTGRES_AWAY = ("08", "25006", "53", "55P03", "57", "58", "3D000", "28", "XX001", "XX002")
"""Connection, read-only, resources, lock timeout, operator, system, no such database, log-in, corrupt."""
POSTGRES_CONTENTION = ("40",)
"""Serialization failure, deadlock."""
POSTGRES_AGAIN = (*POSTGRES_CONTENTION, "23505")
"""These, and a row that another gateway inserted at the same moment."""


def is_away(error: BaseException) -> bool:
    """Whether the database, not the statement, is the trouble."""
    if isinstance(error, OSError | TimeoutError | PoolTimeoutError):
        return True
    if _sqlstate(error).startswith(POSTGRES_AWAY) or _sqlite_code(error) in SQLITE_AWAY:
        return True
    return isinstance(error, DBAPIError) and error.connection_invalidated


def is_collision(error: BaseException) -> bool:
    """Whether the same transaction, begun again, may find its way past others."""
    return _sqlstate(error).startswith(POSTGRES_AGAIN)


def is_contention(error: BaseException) -> bool:
    """Whether others stood in the way of a transaction that nothing is wrong with."""
    return _sqlstate(error).startswith(POSTGRES_CONTENTION)


def _causes(error: BaseException) -> list[BaseException]:
    causes = [error]
    while (cause := getattr(causes[-1], "orig", None) or causes[-1].__cause__) and cause not in causes:
        causes.append(cause)
    return causes


def _sqlstate(error: BaseException) -> str:
    return next((str(state) for cause in _causes(error) if (state := getattr(cause, "sqlstate", None))), "")


def _sqlite_code(error: BaseException) -> int:
    codes = (getattr(cause, "sqlite_errorcode", None) for cause in _causes(error))
    return next((int(code) & 0xFF for code in codes if code is not None), 0)
