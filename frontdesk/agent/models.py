"""Voice activity and end-of-turn models, loaded ahead of the call that needs them.

Loading takes about 50 ms. In a thread it does not hold the event loop (the ONNX runtime lets go of the
interpreter lock), and a spare pair means that the next call does not wait for it at all.
"""

import asyncio
from dataclasses import dataclass

from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.turns.user_start import TranscriptionUserTurnStartStrategy, VADUserTurnStartStrategy
from pipecat.turns.user_stop import TurnAnalyzerUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies


@dataclass(frozen=True)
class Ears:
    """One call's voice activity and end-of-turn models; they keep state and are never shared."""

    voice_activity: SileroVADAnalyzer
    turn: LocalSmartTurnAnalyzerV3

    def turn_strategies(self) -> UserTurnStrategies:
        """When a person's turn starts and stops: pipecat's defaults, with this call's own model."""
        return UserTurnStrategies(
            start=[VADUserTurnStartStrategy(), TranscriptionUserTurnStartStrategy()],
            stop=[TurnAnalyzerUserTurnStopStrategy(turn_analyzer=self.turn)],
        )


def load_ears() -> Ears:
    """Load both models from the files that pipecat ships."""
    return Ears(SileroVADAnalyzer(), LocalSmartTurnAnalyzerV3())


class SpareEars:
    """Keeps one loaded pair at hand."""

    def __init__(self) -> None:
        self._spare: Ears | None = None
        self._refill: asyncio.Task[None] | None = None

    def warm(self) -> None:
        """Load the first pair now, blocking; for the start of the process."""
        self._spare = load_ears()

    async def take(self) -> Ears:
        """A pair for one call: the spare one, else one loaded in a thread."""
        spare, self._spare = self._spare, None
        return spare if spare is not None else await asyncio.to_thread(load_ears)

    def refill(self) -> None:
        """Load a spare pair in the background; best once the call's first words are out."""
        if self._spare is None and (self._refill is None or self._refill.done()):
            self._refill = asyncio.create_task(self._load(), name="spare-ears")

    async def _load(self) -> None:
        self._spare = await asyncio.to_thread(load_ears)
