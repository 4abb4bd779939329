"""A server under measurement: alone on one core, asked by the kernel what it used."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from bench.load import UnexpectedAnswer, answers, request

HEALTH = request("GET", "/health", 200)
START_WITHIN = 30.0
STOP_WITHIN = 10.0
_MIB = 1024 * 1024
_BOTH_CORES = sorted(os.sched_getaffinity(0))[:2]


class Start(Struct, frozen=True):
    """What it took until the first answer."""

    wall: float
    cpu: float


class Server:
    """Runs on the first core and nowhere else, with its whole output in a file."""

    def __init__(self, command: list[str], port: int, folder: Path, environment: Mapping[str, str]) -> None:
        self.port = port
        self._command = command
        self._folder = folder
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> Start:
        """Start, and wait for the first good answer."""
        began = time.perf_counter()
        with (self._folder / "output.log").open("ab") as output:
            self._process = _on_server_core(self._command, self._folder, self._environment, output.fileno())
        while True:
            try:
                await answers(self.port, [HEALTH])
            except OSError:
                if self._process.poll() is not None or time.perf_counter() - began > START_WITHIN:
                    raise UnexpectedAnswer(f"{' '.join(self._command)} did not come up:\n{self.last_words()}") from None
                await asyncio.sleep(0.005)
            else:
                return Start(wall=time.perf_counter() - began, cpu=self.cpu())

    def stop(self) -> None:
        """Stop it politely, then not."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def cpu(self) -> float:
        """CPU seconds, user and system, of the process and its children, ended threads included."""
        # The clock that clock_getcpuclockid(3) names: it counts nanoseconds, /proc/PID/stat hundredths of a second.
        return sum(time.clock_gettime((~pid << 3) | 2) for pid in self._tree())

    def memory(self) -> float:
        """Resident memory of the process and its children, in MiB."""
        page = os.sysconf("SC_PAGE_SIZE")
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in self._tree()) * page / _MIB

    def last_words(self) -> str:
        """Show the end of what it printed."""
        return "\n".join((self._folder / "output.log").read_text(errors="replace").splitlines()[-20:])

    def _tree(self) -> list[int]:
        if self._process is None:
            return []
        found = [self._process.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
        return found


def alone(*what: str) -> float:
    """Run `bench.alone` on the server's core, where nothing else works meanwhile, and give its figure."""
    process = _on_server_core([sys.executable, "-m", "bench.alone", *what], Path.cwd(), os.environ, subprocess.PIPE)
    output, _ = process.communicate()
    if process.returncode:
        raise UnexpectedAnswer(f"bench.alone {' '.join(what)} failed:\n{output.decode()}")
    return float(output)


def keep_to_load_core() -> None:
    """Leave the servers' core to them; without two cores, load and server would measure each other."""
    if len(_BOTH_CORES) < 2:  # noqa: PLR2004 — a core for the server, a core for the load
        raise SystemExit("The benchmark needs two cores: one for the server, one for the load.")
    os.sched_setaffinity(0, {_BOTH_CORES[1]})


def _on_server_core(
    command: list[str], folder: Path, environment: Mapping[str, str], output: int
) -> subprocess.Popen[bytes]:
    # A child begins where its parent is allowed to run: so it never touches the load's core, not even while it starts.
    keep_to_load_core()
    os.sched_setaffinity(0, {_BOTH_CORES[0]})
    try:
        return subprocess.Popen(  # noqa: S603 — our own commands
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    finally:
        keep_to_load_core()
