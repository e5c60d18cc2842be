"""Incoming calls through pipecat's real DailyTransport on the stand-in."""

from tests.simulator.phone.stage import ANSWER, GREETING, Stage, ended, loudness, marks, spoken


async def test_a_dial_in_call_is_a_conversation_in_sound(stage: Stage) -> None:
    """A caller and a bot on the real transport hear each other; the record has what was understood."""
    record, bot, _room = await stage.call_in("What are your opening hours?", "Thank you, goodbye.")
    await stage.bots.wait(bot, "on_dialin_connected")
    await stage.says(bot, GREETING)
    await spoken(record, 1)
    await stage.says(bot, ANSWER)
    await spoken(record, 2)
    rate, pcm = await stage.bots.heard(bot)
    await stage.says(bot, "Goodbye.")
    await ended(record)
    assert record.outcome == "person_hung_up", marks(record)
    assert record.said("heard")[:2] == [GREETING, ANSWER]
    assert rate == 8000
    assert loudness(pcm) > 500
    await stage.bots.wait(bot, "on_dialin_stopped")
    events = stage.bots.events(bot)
    for event in ("on_joined", "on_dialin_ready", "on_participant_joined", "on_participant_left"):
        assert event in events
    assert record.wav is not None
    assert record.wav.exists()
    await stage.bots.do(bot, "cancel")
    await stage.bots.wait(bot, "finished")
