"""Runs `bot.py` as a script, with pipecat's deprecations as errors."""

import runpy
import sys
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[2]
MESSAGE = ".*deprecated since"
sys.path.insert(0, str(ROOT))

# While pipecat is imported, it subclasses deprecated classes of its own: only our lines count.
warnings.filterwarnings(
    "error", MESSAGE, DeprecationWarning, module=r"(frontdesk|bot$|server_utils$|__main__$)"
)
import frontdesk.agent.host  # noqa: E402, F401

# From here on, in whole calls, everybody's count.
warnings.filterwarnings("error", MESSAGE, DeprecationWarning)
runpy.run_path(str(ROOT / "bot.py"), run_name="__main__")
