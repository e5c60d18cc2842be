"""The DBOS of this process: started and stopped in threads, since it blocks, and asked in threads too."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar, cast

from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer
from dbos import error as dbos_error
from loguru import logger
from sqlalchemy.exc import SQLAlchemyError

from frontdesk.engine import workflow
from frontdesk.engine.address import Address, EngineClosedError
from frontdesk.engine.dbos_log import quieten
from frontdesk.engine.threads import in_thread
from frontdesk.errors import EngineUnavailableError

Result = TypeVar("Result")
_AT_ONCE_EACH: Final = 32
_AT_ONCE: Final = 128
_POLL_S: Final = 0.1
_ASK_S: Final = 10.0
_SESSIONS: Final = 8
"""Questions to PostgreSQL at the same time; those to SQLite would wait for each other with back-off."""
_only_one = threading.Lock()


class Transact:
    """DBOS is one per process: a second one waits until the first has stopped.

    It runs on threads and a loop of its own; only `place` comes back to the loop of the gateway.

    Args:
        address: Where the queue is.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._closed = threading.Event()
        self._engine = address.engine(self._closed)
        self._asking = asyncio.Semaphore(_SESSIONS if address.file is None else 1)
        self._log = quieten()
        self._client: DBOSClient | None = None
        self._launching = threading.Lock()
        self._launched = False

    async def start(self, executor_id: str, bridge: workflow.Bridge) -> None:
        """Bring the tables up to date, take back what this identity left unfinished, and begin.

        Raises:
            EngineUnavailableError: The database is away, or another DBOS runs in this process.
        """
        if not _only_one.acquire(blocking=False):
            raise EngineUnavailableError
        workflow.connect(bridge)
        try:
            self._client = await in_thread(lambda: self._launch(executor_id))
        except asyncio.CancelledError:
            self._abandon()
            raise
        except Exception as error:
            raise EngineUnavailableError from error

    async def stop(self, timeout_s: float) -> None:
        """Stop at once, leaving what is unfinished as it is; after `timeout_s` it stops by itself."""
        self._log.stopping = True
        self._client = None
        self._closed.set()
        try:
            async with asyncio.timeout(timeout_s):
                await in_thread(self._destroy)
        except TimeoutError:
            logger.warning("the queue's database is away: the engine stops by itself")

    async def ask(self, work: Callable[[DBOSClient], Result]) -> Result:
        """Do something with the queue's database, in a thread.

        Raises:
            EngineUnavailableError: It is away; what was to be done may be done or not.
        """
        client = self._client
        if client is None:
            raise EngineUnavailableError
        try:
            async with asyncio.timeout(_ASK_S), self._asking:
                return await in_thread(lambda: work(client))
        except (SQLAlchemyError, dbos_error.DBOSException, EngineClosedError, TimeoutError) as error:
            raise EngineUnavailableError from error

    def _launch(self, executor_id: str) -> DBOSClient:
        try:
            client = self._new_client()
            with suppress(SQLAlchemyError):  # no tables before the first start of all
                _register_queues(client)  # those that are there before the launch run without a second's wait
            DBOS(config=self._config(executor_id))
            DBOS.launch()
            _register_queues(client)
        except BaseException:
            self._destroy()
            raise
        with self._launching:
            self._launched = True
            if self._closed.is_set():
                self._destroy()
        return client

    def _abandon(self) -> None:
        """Nobody waits for the launch any more: whoever comes second, it or this, undoes it."""
        self._log.stopping = True
        with self._launching:
            self._closed.set()
            if self._launched:
                threading.Thread(target=self._destroy, daemon=True).start()

    def _new_client(self) -> DBOSClient:
        return DBOSClient(
            system_database_engine=self._engine,
            dbos_system_schema=self._address.schema,
            serializer=DBOSPortableJSONSerializer(),
            application_name=workflow.NAME,
            lazy=True,
            retry_connection_errors=False,
        )

    def _destroy(self) -> None:
        try:
            workflow.connect(None)
            DBOS.destroy()
            self._engine.dispose()
        finally:
            _only_one.release()

    def _config(self, executor_id: str) -> DBOSConfig:
        settings: dict[str, Any] = {
            "name": workflow.NAME,
            "system_database_url": self._address.url.render_as_string(hide_password=True),
            "system_database_engine": self._engine,
            "dbos_system_schema": self._address.schema,
            "application_version": workflow.VERSION,
            "executor_id": executor_id,
            "serializer": DBOSPortableJSONSerializer(),
            "use_listen_notify": False,  # nothing here waits for messages
            "notification_listener_polling_interval_sec": _POLL_S,  # and it need not hold up the stop
            "log_level": "WARNING",
        }
        return cast("DBOSConfig", settings)


def _register_queues(client: DBOSClient) -> None:
    for name in (workflow.SINGLES, workflow.CAMPAIGNS):
        client.register_queue(
            name,
            worker_concurrency=_AT_ONCE,
            partition_worker_concurrency=_AT_ONCE_EACH,
            polling_interval_sec=_POLL_S,
            on_conflict="always_update",
        )


def lingers() -> bool:
    """Whether threads of DBOS hold up the end of the process: they wait for a database that is away."""
    return any(thread.name.startswith("dbos-executor-") for thread in threading.enumerate())
