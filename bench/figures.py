"""What a figure is: a name, what was measured, and what is promised."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One row of the table; `value` may be at most `target`, or must be `at_least` that."""

    name: str
    value: float
    target: float
    unit: str
    detail: str
    at_least: bool = False

    @property
    def held(self) -> bool:
        """Whether the promise is kept."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    def row(self) -> str:
        """The row in markdown."""
        verdict = "yes" if self.held else "**no**"
        sign = "≥" if self.at_least else "≤"
        measured, promised = f"{self.value:.2f} {self.unit}", f"{sign} {self.target:g} {self.unit}"
        return f"| {self.name} | {measured} | {promised} | {verdict} | {self.detail} |"
