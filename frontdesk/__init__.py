"""Frontdesk: a telephony gateway that puts a Pipecat bot on phone calls over Daily PSTN."""

from loguru import logger

# pipecat logs as soon as it is imported; `frontdesk.logs` lets it, into our own sink.
logger.disable("pipecat")
