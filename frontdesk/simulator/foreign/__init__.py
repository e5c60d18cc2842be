"""What programs need that know nothing of the simulator: a proxy, a certificate, an environment."""
