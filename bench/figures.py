"""What a figure is: a name, what was measured, and what is promised."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One row of the table; `value` may be at most `target`."""

    name: str
    value: float
    target: float
    unit: str
    detail: str

    @property
    def held(self) -> bool:
        """Whether the promise is kept."""
        return self.value <= self.target

    def row(self) -> str:
        """The row in markdown."""
        verdict = "yes" if self.held else "**no**"
        measured, promised = f"{self.value:.2f} {self.unit}", f"≤ {self.target:g} {self.unit}"
        return f"| {self.name} | {measured} | {promised} | {verdict} | {self.detail} |"
