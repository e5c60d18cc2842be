"""Daily's REST API, as far as the gateway uses it."""
