"""What Daily sends: the dial-in webhook and the domain's events."""
