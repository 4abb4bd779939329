"""Whether every mail that was promised came, and every account is whole: outbox, accounts and postbox side by side."""

import asyncio

from .books import look
from .crowd import Crowd

# Patience for a machine that has other things to do; no claim.
TAKEN_OVER_WITHIN = 90.0
_GAVE_WAY = """
    SELECT recipient FROM outbox AS older WHERE state = 'superseded' AND EXISTS (
        SELECT 1 FROM outbox AS newer WHERE newer.lane = older.lane AND newer.id > older.id AND newer.state = 'sent'
    )
"""


async def lost_mails(crowd: Crowd, url: str) -> list[str]:
    """Return what is wrong between accounts, outbox and postbox once no mail is waiting any more."""
    deadline = asyncio.get_running_loop().time() + TAKEN_OVER_WITHIN
    while await look(url, "SELECT id FROM outbox WHERE state = 'waiting'"):
        if asyncio.get_running_loop().time() > deadline:
            return ["the outbox does not empty"]
        await asyncio.sleep(0.1)
    postbox = crowd.ledger.postbox
    # A link that gave way to a newer one, which went out, is not lost (decision 0009).
    gave_way = [recipient for (recipient,) in await look(url, _GAVE_WAY)]
    not_sent = await look(url, "SELECT state FROM outbox WHERE state != 'sent'")
    faults = [f"a mail in the state {state}" for (state,) in not_sent if state != "superseded"]
    faults += ["a mail that gave way to nothing"] * (
        sum(state == "superseded" for (state,) in not_sent) - len(gave_way)
    )
    faults += [
        f"a mail that was never received: {name}"
        for (name,) in await look(url, "SELECT message_id FROM outbox WHERE state = 'sent'")
        if name not in postbox.names
    ]
    accounts = {name for (name,) in await look(url, "SELECT username FROM users")}
    faults += [f"half made: {name}" for name in accounts ^ {life.person.username for life in crowd.lives}]
    for life in crowd.lives:
        if (activations := len(postbox.links(life.person.email, "activate"))) != 1:
            faults.append(f"{activations} mails to activate {life}")
        resets = len(postbox.links(life.person.email, "password-reset"))
        if not life.resets_owed - gave_way.count(life.person.email) <= resets <= life.resets_asked:
            faults.append(f"{resets} mails to reset of {life.resets_owed} to {life.resets_asked}: {life}")
    return faults
