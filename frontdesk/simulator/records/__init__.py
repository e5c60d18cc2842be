"""What happened on a call: timeline, transcript and sound."""
