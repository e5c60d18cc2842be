"""The whole road on one machine: starts every part, places two calls, shows and checks what happened."""
