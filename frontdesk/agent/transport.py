"""The Daily room that a call happens in."""

from typing import Any

from pipecat.transports.daily.transport import DailyParams, DailyTransport

from frontdesk.agent.call import Call

SAMPLE_RATE = 8000
"""Samples per second: what the phone network carries."""
FINAL_SILENCE_S = 1
"""Sent after the last word, so that what is under way is heard before the line goes; pipecat sends 2 s."""


def daily_transport(call: Call) -> DailyTransport:
    """A transport for the call's room, not yet joined.

    `dialin_settings` stay unset: with them pipecat forwards the caller itself, once, without a second
    try, and again each time Daily repeats dialin-ready. `frontdesk.agent.dialin` does that instead.
    """
    return DailyTransport(
        call.request.room_url,
        call.request.token,
        call.organization.name,
        DailyParams(
            api_key=call.daily.api_key.get_secret_value(),
            api_url=call.daily.api_url,
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=SAMPLE_RATE,
            audio_out_sample_rate=SAMPLE_RATE,
            camera_out_enabled=False,
            audio_out_end_silence_secs=FINAL_SILENCE_S,
        ),
    )


def own_leg(data: Any) -> dict[str, str]:
    """Daily's id of the bot itself, from what it says of the room at joining."""
    try:
        return {"session_id": str(data["participants"]["local"]["id"])}
    except (KeyError, TypeError):
        return {}
