"""The bot's line to its gateway: reports in order, orders back, a token that is good for one call."""
