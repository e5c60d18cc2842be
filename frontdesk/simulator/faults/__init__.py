"""Troubles on command."""
