"""Modules that a bot process finds first on its path, in place of the native ones."""
