"""Everything outside the house that a phone call needs, on one loopback port.

Daily's REST API and rooms, the phone network and the people on it, Pipecat Cloud's start API,
and stand-ins for Deepgram, OpenAI and Cartesia. The bot process uses pipecat's own DailyTransport
over the stand-in `daily` module in `standin/`. Nothing here binds or dials anything but loopback.
"""
