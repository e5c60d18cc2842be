"""Personal data is erased after a set time, or for one patient on request; that it was done is recorded."""
