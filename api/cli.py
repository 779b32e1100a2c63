"""The command line. Each module of `api.commands` registers its commands; heavy libraries load inside the commands."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import typer

import api.commands
from models.errors import MinshengError

app = typer.Typer(
    name="minsheng",
    help="民声：听见每一件诉求。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def load_commands() -> typer.Typer:
    """Register every module of `api.commands` by its `register(app)`, in alphabetical order."""
    if not app.registered_commands and not app.registered_groups:
        for module in sorted(info.name for info in pkgutil.iter_modules(api.commands.__path__)):
            importlib.import_module(f"api.commands.{module}").register(app)
    return app


def main() -> None:
    """Run; an error of our own tree ends with its sentence and status 2, never with a traceback."""
    try:
        load_commands()()
    except MinshengError as error:
        typer.secho(str(error), fg=typer.colors.RED, err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
