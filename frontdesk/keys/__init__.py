"""API keys: stored hashed, each of one organization, with scopes."""
