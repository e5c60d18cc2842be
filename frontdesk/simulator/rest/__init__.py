"""Daily's REST API: one module per resource, all under `/v1`."""
