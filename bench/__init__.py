"""Measured promises: `python -m bench` runs all and prints a table."""
