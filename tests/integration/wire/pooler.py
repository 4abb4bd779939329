"""A real PgBouncer before a database, which hands its connections out for one transaction each."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.integration.conformance.running import free_port

PASSWORD = "s3cret-of-the-pooler"
_SETTINGS = """
[databases]
* = {server}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = plain
auth_file = {folder}/people.txt
pool_mode = transaction
; Fewer connections than clients: each is lent to one after the other.
default_pool_size = 2
max_client_conn = 100
logfile =
pidfile =
"""


def pgbouncer() -> str | None:
    """Return the program, which Debian keeps out of people's way."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")


@contextmanager
def pooled(url: str, folder: Path) -> Iterator[str]:
    """Give the address of a database behind a pooler."""
    program = pgbouncer()
    assert program
    parts, port = urlsplit(url), free_port()
    where = {name: values[0] for name, values in parse_qs(parts.query).items()}
    host = where.get("host") or parts.hostname or "127.0.0.1"
    server = f"host={host} port={parts.port or 5432} user={parts.username}"
    server += f" password={parts.password}" if parts.password else ""
    folder.mkdir(mode=0o755)
    # It refuses to run as root; whoever runs it has to reach the folder of the server's socket.
    person = Path(host).owner() if host.startswith("/") else getpass.getuser()
    person = "nobody" if person == "root" else person
    (folder / "people.txt").write_text(f'"{parts.username}" "{PASSWORD}"\n')
    (folder / "pgbouncer.ini").write_text(_SETTINGS.format(server=server, port=port, folder=folder))
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(  # noqa: S603 - a program of the distribution
            [program, "-q", str(folder / "pgbouncer.ini")],
            user=person if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            stderr=said,
        )
    try:
        _wait_for(port, process, folder)
        yield f"postgresql://{parts.username}:{PASSWORD}@127.0.0.1:{port}{parts.path}?sslmode=disable"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: "subprocess.Popen[bytes]", folder: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"pgbouncer does not listen: {(folder / 'said.txt').read_text()}")
