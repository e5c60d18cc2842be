"""The phone network: calls in and out, the lines they run over, and the people on them."""
