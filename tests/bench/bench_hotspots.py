"""Recall of injected events at a budget of false alerts; the measurement is `api.benchmarks.hotspots`.

Run it as `minsheng bench hotspots`, or this file, which passes its options on.
"""

from __future__ import annotations

import typer

from api.benchmarks.hotspots import run

if __name__ == "__main__":
    typer.run(run)
