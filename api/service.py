"""The processes of one machine: the web server here, the worker line and the scheduler as children."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from models.errors import BadSetting

log = logging.getLogger(__name__)
STOP_SECONDS = 15.0
RESTART_SECONDS = 2.0
SWITCH_SECONDS = 0.0005  # so long a thread at work holds up another at each of its steps; Python's own 5 ms are felt


def bind(host: str, port: int, *, any_free: bool = False) -> socket.socket:
    """A listening socket; with `any_free` another port where this one is taken. Raises BadSetting."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in (port, 0) if any_free else (port,):
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
        except OSError as error:
            listener.close()
            reason = error.strerror
            continue
        return listener
    raise BadSetting(name="MINSHENG_PORT", value=f"{host}:{port}", reason=f"{reason}；请换一个端口，如 --port 8001")


def serve(listener: socket.socket, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGINT or SIGTERM, then leave by SystemExit, so that whoever called can end what he started.

    `ready` is called when requests are answered.
    """
    import uvicorn

    from api.app import create_app
    from api.wiring import House
    from models.settings import Settings
    from nlp.logs import configure_logging

    settings = Settings.read()
    configure_logging(settings.log_level)
    sys.setswitchinterval(SWITCH_SECONDS)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets=sockets)
            gc.collect()
            gc.freeze()  # these 100,000 objects stay; going through them took 30 to 50 ms of a request now and then
            if ready:
                ready()

    # The server raises the signal again after its own clean end: without handlers that would kill this process at once.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    with House(settings, read_only=True) as house:
        # The server's own log would name addresses with what people searched for; the audit log has who saw what.
        config = uvicorn.Config(
            create_app(house), log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=5
        )
        Server(config).run(sockets=[listener])


class Children:
    """Our own commands as child processes: started together, started again when one dies, ended together."""

    def __init__(self, *commands: Sequence[str]) -> None:
        self._commands = [[sys.executable, "-m", "api.cli", *command] for command in commands]
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=(command,), daemon=True) for command in self._commands
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _keep(self, command: list[str]) -> None:
        while not self._stop.is_set():
            # A group of its own: Ctrl-C in the terminal reaches this process, which ends its children in order.
            child = subprocess.Popen(command, start_new_session=True, env=os.environ)
            while child.poll() is None and not self._stop.wait(0.2):
                pass
            if child.poll() is None:
                _end(child)
            elif not self._stop.is_set():
                log.error("child_died", extra={"command": command[3], "status": child.returncode})
                self._stop.wait(RESTART_SECONDS)


def _end(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
