"""Outgoing calls: POST /dialout, who may place them, and the bot that dials."""
