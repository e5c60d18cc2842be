"""Incoming calls: Daily's webhook, whose number was called, and the bot for the caller on hold."""
