"""Whom an organization knows: number, time zone, consent."""
