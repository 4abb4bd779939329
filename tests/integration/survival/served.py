"""`auth-service serve` as its users run it: a group of processes that may be killed, stopped and started again."""

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.integration.wire.raw import Connection, request_bytes

FRONTEND = "https://front.example"
# Cheap and unthrottled, so that the load is dense; tokens outlive the longest battery.
SETTINGS = {
    "SECRET_KEY": "a secret that survives whatever is done to the service",
    "FRONTEND_URL": FRONTEND,
    "THROTTLING": "0",
    "ARGON2_TIME_COST": "1",
    "ARGON2_MEMORY_KIB": "8",
    "ARGON2_PARALLELISM": "1",
    "JWT_ACCESS_TOKEN_LIFETIME": "1d",
    "LOG_FORMAT": "json",
}
_INHERITED = ("PATH", "HOME", "TMPDIR", "LANG")
_PATIENCE = 30.0
_HEALTH = request_bytes("GET", "/health")


class Served:
    """One `serve` at a port that stays its own however often it is started."""

    def __init__(self, settings: Mapping[str, str], folder: Path, *words: str, before: str = "") -> None:
        self.port = _port_below_the_ephemeral()
        self.folder = folder
        self._words = words
        self._before = before.split()
        self._environment = {
            **{name: os.environ[name] for name in _INHERITED if name in os.environ},
            **SETTINGS,
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        self.start()
        await self.ready()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process that was started last."""
        assert self._process is not None
        return self._process

    def change(self, **settings: str) -> None:
        """Let it have other settings when it is started the next time."""
        self._environment.update(settings)

    def start(self, *words: str, limit: str = "") -> None:
        """Start it and do not wait; a `limit` is what the shell is told before, as `ulimit -f 100`."""
        command = [
            *self._before,
            sys.executable,
            "-m",
            "auth_service",
            "serve",
            "--port",
            str(self.port),
            *self._words,
            *words,
        ]
        if limit:
            command = ["/bin/sh", "-c", f'{limit}; exec "$@"', "sh", *command]
        with (self.folder / "service.log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - nothing here comes from outside
                command,
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def ready(self) -> None:
        """Return when it says that it can serve."""
        connection = Connection(self.port)
        async with asyncio.timeout(_PATIENCE):
            while self.process.poll() is None:
                with suppress(OSError, EOFError):
                    if (await connection.ask(_HEALTH)).status == 200:
                        await connection.close()
                        return
                await asyncio.sleep(0.02)
        raise AssertionError(f"it ended with {self.process.returncode}: {self.log[-2000:]}")

    async def kill(self) -> None:
        """Kill every process of it where it stands; return when the port is free again."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await asyncio.to_thread(self.process.wait)
        async with asyncio.timeout(_PATIENCE):
            while not _is_free(self.port):  # noqa: ASYNC110 - nobody tells when
                await asyncio.sleep(0.005)

    async def stop(self) -> int:
        """Tell it to stop, as whoever runs it does, and return the code it ended with."""
        self.process.terminate()
        return await asyncio.to_thread(self.process.wait, _PATIENCE)

    @property
    def log(self) -> str:
        """All it has logged so far."""
        return (self.folder / "service.log").read_text("utf-8")

    @property
    def events(self) -> list[dict[str, Any]]:
        """The lines of its log that are whole."""
        lines = [line for line in self.log.split("\n")[:-1] if line.startswith("{")]
        return [json.loads(line) for line in lines if line.endswith("}")]


def _port_below_the_ephemeral() -> int:
    """Return a free port that no connection is given as its own end: while nobody listens, one could meet itself."""
    return next(port for port in iter(lambda: random.randrange(20_000, 32_000), 0) if _is_free(port))  # noqa: S311 - any


def _is_free(port: int) -> bool:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
