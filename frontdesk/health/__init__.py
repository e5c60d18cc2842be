"""Whether the gateway is alive, and whether what it depends on is there."""
