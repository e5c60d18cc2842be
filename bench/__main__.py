"""Runs every figure and prints a markdown table; exit code 1 when one misses its target."""

import sys
from collections.abc import Callable, Sequence

from bench import books, calls, campaigns, dialout, ledger, webhook_cpu, webhook_latency
from bench.figures import Figure

FIGURES = (
    webhook_cpu.measure,
    webhook_latency.measure,
    books.cpu,
    books.latency,
    books.rate,
    ledger.measure,
    dialout.accept,
    dialout.overtaking,
    dialout.rate,
    campaigns.time_taken,
    campaigns.memory,
    calls.first_sound,
    calls.burst,
    calls.memory,
)


def main() -> int:
    """Measure one after the other: all, or those that are named, as by `dialout` or `dialout.rate`."""
    wanted = _wanted(sys.argv[1:])
    if not wanted:
        print("no figure has such a name; there are:", *map(_name, FIGURES), sep="\n  ", file=sys.stderr)
        return 2
    print("| what | measured | promised | held | how |\n|---|---|---|---|---|")
    figures = []
    for measure in wanted:
        figures.append(measure())
        print(figures[-1].row(), flush=True)
    return 0 if all(figure.held for figure in figures) else 1


def _wanted(names: Sequence[str]) -> list[Callable[[], Figure]]:
    return [one for one in FIGURES if not names or {_name(one), _name(one).partition(".")[0]} & set(names)]


def _name(measure: Callable[[], Figure]) -> str:
    return f"{measure.__module__.removeprefix('bench.')}.{measure.__name__}"


if __name__ == "__main__":
    sys.exit(main())
