"""The HTTP side that all doors share: who may enter, what a body may be, and how an error is told."""
