"""Daily's rooms: who is inside, who may come in, and the line to each bot."""
