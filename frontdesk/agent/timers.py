"""Everything in a call that happens after a while, unless it is called off."""

import asyncio
from collections.abc import Awaitable, Callable

Sleep = Callable[[float], Awaitable[None]]


class Timers:
    """Named timers of one call; setting a name again replaces its timer."""

    def __init__(self, sleep: Sleep = asyncio.sleep) -> None:
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def after(self, name: str, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        """Run `action` in `seconds`."""
        self.cancel(name)
        self._tasks[name] = asyncio.create_task(self._run(name, seconds, action), name=f"timer-{name}")

    def cancel(self, name: str) -> None:
        """Call a timer off; nothing happens when there is none."""
        task = self._tasks.pop(name, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    async def close(self) -> None:
        """Call all timers off and wait until they are gone."""
        tasks = [task for task in self._tasks.values() if task is not asyncio.current_task()]
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, name: str, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        await self._sleep(seconds)
        # From here on the action runs to its end, also when it calls its own name off.
        if self._tasks.get(name) is asyncio.current_task():
            del self._tasks[name]
        await action()
