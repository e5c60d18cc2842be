"""The named moments at which the chaos kills the gateway."""

from importlib import import_module
from typing import Any

import pytest

from tests.chaos.crash_points import CRASH_POINTS


@pytest.mark.parametrize("name", CRASH_POINTS)
def test_every_crash_point_is_a_function_of_the_product(name: str) -> None:
    """A crash point that was renamed is noticed, instead of never being reached."""
    module, _, path = CRASH_POINTS[name].where.partition(":")
    found: Any = import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    assert callable(found)
