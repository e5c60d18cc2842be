"""One thread that calls back at the right time, as a sound device does."""

import heapq
import itertools
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any


def call_back(function: Callable[..., Any], *args: Any) -> None:
    """Call the bot's code from a thread of ours; what it raises must not end the thread."""
    try:
        function(*args)
    except RuntimeError as error:
        if "loop is closed" not in str(error):
            traceback.print_exc()
    except Exception:  # noqa: BLE001
        traceback.print_exc()


class Timer:
    """A call to come; `cancel` drops the references to it at once."""

    def __init__(self, function: Callable[..., Any], args: tuple[Any, ...]) -> None:
        self._function: Callable[..., Any] | None = function
        self._args = args

    def cancel(self) -> None:
        """Never call."""
        self._function, self._args = None, ()

    def fire(self) -> None:
        """Call, unless canceled."""
        function, args = self._function, self._args
        if function is not None:
            call_back(function, *args)


class Pacer:
    """Runs timers in order of their time (`time.monotonic` seconds) on one daemon thread."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._started = False

    def at(self, when: float, function: Callable[..., Any], *args: Any) -> Timer:
        """Call a function at a moment; the past means at once."""
        timer = Timer(function, args)
        with self._changed:
            if not self._started:
                self._started = True
                threading.Thread(target=self._run, name="daily-standin-pacer", daemon=True).start()
            heapq.heappush(self._heap, (when, next(self._order), timer))
            self._changed.notify()
        return timer

    def after(self, seconds: float, function: Callable[..., Any], *args: Any) -> Timer:
        """Call a function in so many seconds."""
        return self.at(time.monotonic() + seconds, function, *args)

    def _run(self) -> None:
        while True:
            self._next().fire()

    def _next(self) -> Timer:
        with self._changed:
            while True:
                if not self._heap:
                    self._changed.wait()
                elif (left := self._heap[0][0] - time.monotonic()) > 0:
                    self._changed.wait(left)
                else:
                    return heapq.heappop(self._heap)[2]


pacer = Pacer()
