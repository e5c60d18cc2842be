"""SQL that is compiled once for each kind of database and then given rows as plain values."""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, cast

from sqlalchemy import ClauseElement, Table, insert
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import CursorResult, Dialect
from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    from sqlalchemy.sql.compiler import SQLCompiler

Row = Mapping[str, Any]


class Statement:
    """One statement with named bind parameters, as the driver takes it.

    Nothing is converted on the way: a JSON column takes and gives text. That is what makes it cheap.

    Args:
        build: The statement for a kind of database, "sqlite" or "postgresql".
        names: Of the columns that an insert fills.
    """

    def __init__(self, build: Callable[[str], ClauseElement], names: Sequence[str] | None = None) -> None:
        self._build = build
        self._names = names
        self._compiled: dict[str, tuple[str, Callable[[Row], tuple[Any, ...]]]] = {}

    async def execute(self, connection: AsyncConnection, row: Row) -> CursorResult[Any]:
        """Run it once."""
        sql, values = self._for(connection.dialect)
        return await connection.exec_driver_sql(sql, values(row))

    async def execute_many(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        """Run it for each row, in one go; for none, do nothing."""
        if rows:
            sql, values = self._for(connection.dialect)
            await connection.exec_driver_sql(sql, [values(row) for row in rows])

    def _for(self, dialect: Dialect) -> tuple[str, Callable[[Row], tuple[Any, ...]]]:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = self._compile(dialect)
        return compiled

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Row], tuple[Any, ...]]]:
        clause = self._build(dialect.name)
        compiled = cast("SQLCompiler", clause.compile(dialect=dialect, column_keys=self._names))
        constants = {name: bind.value for name, bind in compiled.binds.items() if bind.value is not None}
        return str(compiled), _picker(compiled.positiontup or [], constants)


class _Insert(Protocol):
    def __call__(self, table: Table) -> Any: ...


_INSERTS: Mapping[str, _Insert] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}


def inserting(table: Table, *, but: Sequence[str] = ()) -> Statement:
    """An insert into all columns, except those that are left null."""
    names = [column.name for column in table.columns if column.name not in but]
    return Statement(lambda _: insert(table), names)


def inserting_once(table: Table) -> Statement:
    """An insert into all columns that leaves rows alone which exist already."""
    names = [column.name for column in table.columns]
    return Statement(lambda kind: _INSERTS[kind](table).on_conflict_do_nothing(), names)


def replacing(table: Table) -> Statement:
    """An insert that replaces the row with the same primary key, column by column."""
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key]

    def build(kind: str) -> ClauseElement:
        clause = _INSERTS[kind](table)
        changed = {name: clause.excluded[name] for name in names if name not in keys}
        return cast("ClauseElement", clause.on_conflict_do_update(index_elements=keys, set_=changed))

    return Statement(build, names)


def _picker(names: Sequence[str], constants: Row) -> Callable[[Row], tuple[Any, ...]]:
    if constants:
        pick = _picker(names, {})
        return lambda row: pick({**constants, **row})
    if len(names) == 1:
        only = names[0]
        return lambda row: (row[only],)
    return itemgetter(*names) if names else lambda _: ()
