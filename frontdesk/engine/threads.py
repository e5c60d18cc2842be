"""Work that blocks, in threads that neither block the loop nor the end of the process."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import TypeVar

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """Do something in a thread of its own; when the wait is canceled it goes on, and its result is lost."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Result] = loop.create_future()

    def tell(result: Callable[[], None]) -> None:
        if not done.done():
            result()

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            _post(loop, partial(tell, partial(done.set_exception, error)))
        else:
            _post(loop, partial(tell, partial(done.set_result, value)))

    threading.Thread(target=run, name="engine", daemon=True).start()
    return await done


def _post(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call)
