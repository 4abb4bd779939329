"""Hashing cannot stall the service: who comes too late is told when to come again, and others wait for nobody.

For figures of your own: `python -m tests.integration.storm 30`.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conformance.running import Mailbox
from tests.integration.wire.serving import Server

from .storm import HASH, p, storm


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Give a service that hashes as shipped."""
    with Mailbox() as mailbox, Server({"ACTIVATION": "off", **HASH}, mailbox, tmp_path) as server:
        yield server


async def test_while_two_hundred_sign_in_all_others_are_served_and_memory_stays(server: Server) -> None:
    outcome = await storm(server, 3.0)
    # Where tests run beside others this is far from what an idle machine shows, and just as far from a stall: two
    # hundred hashes take seconds.
    assert p(99, outcome.health) < 250, outcome
    assert p(99, outcome.verify) < 250, outcome
    assert {status for status, _ in outcome.answers} <= {200, 503}, outcome
    assert all(wait for status, wait in outcome.answers if status == 503), outcome
    # Each core has a hash of 19 MiB under way, and none that waits has any.
    assert outcome.mebibytes_at_most - outcome.mebibytes_before < 19 * 16, outcome
    # A queue of two hundred is within its deadline here or is refused at it.
    assert outcome.slowest_answer < 15, outcome
