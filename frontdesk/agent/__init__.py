"""What `bot.py` is made of: one idea of a phone call per module.

call          which call this is, read from what the runner hands over
transport     the Daily room that the call happens in
models        voice activity and end-of-turn models, loaded ahead of the call
speech        speech to text, language model, text to speech
tools         what the language model may do
conversation  the pipeline between them, and saying fixed sentences
lines         a phone line, and that of a call in; outbound is the one of a call out
answering     who has answered a call out, by pipecat's voicemail detector; voicemail does something about it
dialin        forwarding a caller on hold into the room
dialing       the life of a dial-out as a pure state machine; dispositions reads carriers' errors
dialout       the driver of that machine
greeting, idle, ending, timers   the first word, silence, the one ending, and everything with a deadline
session       a whole phone call; rehearsal: the same conversation for pipecat's evaluation harness
repair        what is done when a service fails
report        what happens to a call, told to whoever keeps its timeline
witness       turns, latencies and tool calls, by pipecat's own observers; turns puts them together
link          reports to the gateway until they are taken; link_queue holds them, link_post sends them
claim         asks the gateway whether this bot may dial, before it does
link_context  asks the gateway what the CRM said of the caller; briefing tells it to the language model
memory        giving the memory of finished calls back
"""
