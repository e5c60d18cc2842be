"""The durable queue of calls out: what waits, who may start, and what happens when a gateway dies."""
