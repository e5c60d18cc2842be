"""Property tests on a machine that may stall: an example may take as long as it takes."""

from hypothesis import HealthCheck, settings

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
