"""Getting a bot into a room: the start API of its two hosts, and the launch of one call."""
