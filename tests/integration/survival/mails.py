"""Whether every mail that was promised came, and every account is whole: outbox, accounts and postbox side by side."""

import asyncio

from .books import look
from .crowd import Crowd

# Patience for a machine that has other things to do; no claim.
TAKEN_OVER_WITHIN = 90.0


async def lost_mails(crowd: Crowd, url: str) -> list[str]:
    """Return what is wrong between accounts, outbox and postbox once no mail is waiting any more."""
    deadline = asyncio.get_running_loop().time() + TAKEN_OVER_WITHIN
    while await look(url, "SELECT id FROM outbox WHERE state = 'waiting'"):
        if asyncio.get_running_loop().time() > deadline:
            return ["the outbox does not empty"]
        await asyncio.sleep(0.1)
    postbox = crowd.ledger.postbox
    faults = [
        f"a mail in the state {state}" for (state,) in await look(url, "SELECT state FROM outbox") if state != "sent"
    ]
    faults += [
        f"a mail that was never received: {name}"
        for (name,) in await look(url, "SELECT message_id FROM outbox")
        if name not in postbox.names
    ]
    accounts = {name for (name,) in await look(url, "SELECT username FROM users")}
    faults += [f"half made: {name}" for name in accounts ^ {life.person.username for life in crowd.lives}]
    for life in crowd.lives:
        if (activations := len(postbox.links(life.person.email, "activate"))) != 1:
            faults.append(f"{activations} mails to activate {life}")
        resets = len(postbox.links(life.person.email, "password-reset"))
        if not life.resets_owed <= resets <= life.resets_asked:
            faults.append(f"{resets} mails to reset of {life.resets_owed} to {life.resets_asked}: {life}")
    return faults
