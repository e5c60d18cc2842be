"""Frontdesk: a telephony gateway that puts a Pipecat bot on phone calls over Daily PSTN."""
