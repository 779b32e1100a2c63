"""`minsheng bench`: figures of speed and quality. A benchmark is a line of `BENCHES`: name, module, function."""

from __future__ import annotations

import importlib

import typer

BENCHES = (
    ("hotspots", "api.benchmarks.hotspots", "run"),
    ("index", "api.benchmarks.index", "run"),
    ("health", "api.benchmarks.collection_health", "run"),
)  # fmt: skip
"""The function's docstring is the help, its parameters are the options; every one must have a default (`all` uses them)."""


def register(app: typer.Typer) -> None:
    group = typer.Typer(help="测速与测准：每项都与通常做法在同一次运行中比较。", no_args_is_help=True)
    for name, module, function in BENCHES:
        group.command(name)(getattr(importlib.import_module(module), function))
    group.command("all")(everything)
    app.add_typer(group, name="bench")


def everything() -> None:
    """依次运行全部测试项，用各自的默认参数。"""
    failed = [name for name, *_ in BENCHES if not _succeeds(name)]
    if failed:
        typer.secho(f"未完成：{'、'.join(failed)}", fg=typer.colors.RED, err=True)
        raise typer.Exit(1)


def _succeeds(name: str) -> bool:
    """Run in a process of its own, so that no benchmark's memory or warm caches help the next."""
    import subprocess
    import sys

    typer.secho(f"== {name}", bold=True)
    return subprocess.run([sys.executable, "-m", "api.cli", "bench", name], check=False).returncode == 0
