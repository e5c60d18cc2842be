"""Pipecat Cloud: its start API, its agents and their sessions."""
