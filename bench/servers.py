"""Which server is cheapest under the bare app: those that can be chosen, in alternating rounds."""

import argparse
import statistics
import sys
import tempfile
from importlib.util import find_spec
from itertools import cycle
from pathlib import Path

import uvloop

from bench.bare import TOKEN
from bench.load import connect, press
from bench.operations import me, verify
from bench.pinned import Server, keep_to_load_core
from bench.rounds import CONNECTIONS, bare_server, granian_server

REFERENCE = "uvicorn, httptools, uvloop"
ASKED = {"verify": verify(TOKEN), "me": me(TOKEN)}


async def compare(folder: Path, rounds: int, seconds: float) -> str:
    """Run them all at once, ask one at a time, and lay out what each took."""
    keep_to_load_core()
    servers = {
        REFERENCE: bare_server(folder / "reference"),
        "uvicorn, httptools, asyncio": bare_server(folder / "asyncio", "--loop", "asyncio"),
        "uvicorn, h11, uvloop": bare_server(folder / "h11", "--http", "h11"),
    }
    if find_spec("granian") is not None:
        servers["granian, uvloop"] = granian_server(folder / "granian")
    used: dict[tuple[str, str], list[float]] = {(name, what): [] for name in servers for what in ASKED}
    try:
        for server in servers.values():
            await server.start()
        memory = {name: server.memory() for name, server in servers.items()}
        for _ in range(rounds):
            for what in ASKED:
                for name, server in servers.items():
                    used[name, what].append(await _cpu_of(server, what, seconds))
    finally:
        for server in servers.values():
            server.stop()
    lines = [f"{'CPU µs a request':<30}{'verify':>8}{'ratio':>8}{'me':>8}{'ratio':>8}{'idle MiB':>10}"]
    for name in servers:
        line = f"{name:<30}"
        for what in ASKED:
            cost = statistics.median(used[name, what])
            line += f"{cost:>8.0f}{cost / statistics.median(used[REFERENCE, what]):>8.2f}"
        lines.append(f"{line}{memory[name]:>10.0f}")
    if find_spec("granian") is None:
        lines.append("granian is not installed and was left out.")
    return "\n".join(lines)


async def _cpu_of(server: Server, what: str, seconds: float) -> float:
    lines = await connect(server.port, CONNECTIONS)
    await press(lines, cycle([ASKED[what]]), seconds=seconds / 5)
    before = server.cpu()
    tally = await press(lines, cycle([ASKED[what]]), seconds=seconds)
    used = server.cpu() - before
    for line in lines:
        line.close()
    return used / tally.answered * 1e6


def main() -> None:
    """Compare the servers that the bare app can be put on, by CPU a request."""
    parser = argparse.ArgumentParser(prog="python -m bench.servers", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.5, help="for one server and one operation in one round")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="auth-service-bench-") as folder:
        sys.stdout.write(f"{uvloop.run(compare(Path(folder), chosen.rounds, chosen.seconds))}\n")


if __name__ == "__main__":
    main()
