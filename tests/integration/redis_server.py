"""A real Redis or Valkey for the tests: the one at `TEST_REDIS_URL`, or one that is started for them."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_PATIENCE = 10.0


class RedisServer:
    """A server on a port of its own, which can go away and come back."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        command = [self._program, "--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]
        self._process = subprocess.Popen(  # noqa: S603 - nothing here comes from outside
            command, cwd=self._folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _PATIENCE
        while not answers(self.port):
            assert time.monotonic() < deadline, "Redis does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it, with all it knows."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_PATIENCE)
            self._process = None


@contextmanager
def redis_server(folder: Path) -> Iterator[RedisServer]:
    """Give a server that is running; where no program for it is installed, the tests that want one are skipped."""
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        pytest.skip("There is neither valkey-server nor redis-server here: install one to test counting in it.")
    server = RedisServer(program, folder)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def redis_url(folder: Path) -> Iterator[str]:
    """Give the address of a server that others may use too."""
    if given := os.environ.get("TEST_REDIS_URL"):
        yield given
        return
    with redis_server(folder) as server:
        yield server.url


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def answers(port: int) -> bool:
    """Say whether somebody answers to a PING there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as asking:
            asking.sendall(b"PING\r\n")
            return asking.recv(16).startswith(b"+PONG")
    except OSError:
        return False
