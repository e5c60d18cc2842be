"""Runs every figure and prints a markdown table; exit code 1 when one misses its target."""

import sys

from bench import books, calls, ledger, webhook_cpu, webhook_latency

FIGURES = (
    webhook_cpu.measure,
    webhook_latency.measure,
    books.cpu,
    books.latency,
    books.rate,
    ledger.measure,
    calls.first_sound,
    calls.burst,
    calls.memory,
)


def main() -> int:
    """Measure one after the other."""
    print("| what | measured | promised | held | how |\n|---|---|---|---|---|")
    figures = [measure() for measure in FIGURES]
    for figure in figures:
        print(figure.row())
    return 0 if all(figure.held for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
