"""Logs as a bot on Pipecat Cloud does, whose image reads stderr back and ships it; for the test of that.

The image (pipecat-base 0.1.23 and later, where the platform sets PCC_LOG_DIR) puts a pipe in the place of
stderr, passes what comes out of it on to the real one, and logs each line again with `pcc_stream`, for a
file sink of its own.
"""

import os
import sys
import threading
import time
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from loguru import logger

from frontdesk.logs import configure_logging

SHIPPED = Path(sys.argv[1])


def add_file_sink(target: object, level: str) -> None:
    least = logger.level(level).no
    logger.add(
        SHIPPED,
        format="{message}",
        filter=lambda record: "pcc_stream" in record["extra"] or record["level"].no >= least,
        level=0,
    )


def capture() -> None:
    real = os.dup(2)
    source, pipe = os.pipe()
    os.dup2(pipe, 2)

    def pump() -> None:
        echo = logger.bind(pcc_stream="stderr")
        with os.fdopen(source, "rb") as lines:
            for line in lines:
                os.write(real, line)
                echo.info(line.decode().rstrip())

    threading.Thread(target=pump, daemon=True).start()


image = types.ModuleType("pcc_structured_logs")
image.add_file_sink = add_file_sink  # type: ignore[attr-defined]
sys.modules[image.__name__] = image
capture()
configure_logging(production=True)
logger.info("calling {}", "+12025550123")
deadline = time.monotonic() + 60
while time.monotonic() < deadline and not (SHIPPED.exists() and SHIPPED.read_text()):
    time.sleep(0.05)
# A line that is logged again, is so at once and for ever.
time.sleep(1)
