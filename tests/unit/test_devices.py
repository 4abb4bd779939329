"""Devices: where one is signed in, and signing out at once."""

import pytest

from auth_service.adapters.memory.core import MemoryCore
from auth_service.domain.errors import NotFound, TokenRejected
from auth_service.domain.model import Caller

from .support import LAPTOP, PASSWORD, PHONE, calling, foreign, house, make, rejected, sign_in


async def agents(core: MemoryCore, caller: Caller) -> list[str]:
    """Return where the caller is signed in."""
    return [session.agent for session in await core.devices.signed_in(caller)]


async def test_ones_sign_ins_are_listed_newest_first_and_nobody_elses() -> None:
    core = house()
    await make(core)
    await make(core, "bob")
    await calling(core, "bob")
    await sign_in(core)
    core.clock.advance(1)
    await core.tokens.issue_opaque("ann", PASSWORD, PHONE)
    core.clock.advance(1)
    assert await agents(core, await calling(core)) == ["laptop", "phone", "laptop"]


async def test_a_sign_in_that_ran_out_is_not_listed() -> None:
    core = house(refresh_lifetime=100.0)
    await make(core)
    await sign_in(core)
    await core.tokens.issue_opaque("ann", PASSWORD, PHONE)
    core.clock.advance(100)
    assert await agents(core, await calling(core)) == ["laptop", "phone"]


async def test_ending_one_device_leaves_the_others() -> None:
    core = house()
    await make(core)
    phone = await sign_in(core, client=PHONE)
    caller = await calling(core)
    there = (await core.tokens.identify(phone.access)).session_id or ""
    await core.devices.end(caller, there, LAPTOP)
    assert await rejected(core.tokens.identify(phone.access)) == "revoked"
    assert await rejected(core.tokens.refresh(phone.refresh or "", PHONE)) == "revoked"
    assert await agents(core, caller) == ["laptop"]
    with pytest.raises(NotFound):
        await core.devices.end(caller, there, LAPTOP)


async def test_the_device_of_somebody_else_is_not_found() -> None:
    core = house()
    await make(core)
    await make(core, "bob")
    bob = await calling(core, "bob", PHONE)
    for session_id in (bob.session_id or "", "", "never was", "\x00"):
        with pytest.raises(NotFound):
            await core.devices.end(await calling(core), session_id, LAPTOP)
    assert await agents(core, bob) == ["phone"]


async def test_ending_the_others_leaves_this_one() -> None:
    core = house()
    await make(core)
    await sign_in(core, client=PHONE)
    opaque = await core.tokens.issue_opaque("ann", PASSWORD, PHONE)
    caller = await calling(core)
    await core.devices.end_others(caller, LAPTOP)
    assert await agents(core, caller) == ["laptop"]
    assert await rejected(core.tokens.identify_opaque(opaque)) == "opaque_unknown"


async def test_a_caller_without_a_device_ends_all() -> None:
    core = house()
    user = await make(core)
    await sign_in(core)
    await core.devices.end_others(await core.tokens.identify(foreign(core, user)), LAPTOP)
    assert await core.sessions.of_user(user.id) == []


async def test_signing_out_is_over_at_once_and_may_be_done_twice() -> None:
    core = house()
    await make(core)
    pair = await sign_in(core)
    caller = await core.tokens.identify(pair.access)
    for _ in range(2):
        await core.devices.sign_out(caller, LAPTOP)
        assert await rejected(core.tokens.identify(pair.access)) == "revoked"
        assert await rejected(core.tokens.verify(pair.refresh or "")) == "revoked"


async def test_signing_out_with_a_token_from_elsewhere_touches_nothing() -> None:
    core = house()
    user = await make(core)
    await sign_in(core)
    await core.devices.sign_out(await core.tokens.identify(foreign(core, user)), LAPTOP)
    assert len(await core.sessions.of_user(user.id)) == 1


async def test_an_opaque_token_that_logs_out_takes_no_other_with_it() -> None:
    core = house()
    await make(core)
    one = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
    two = await core.tokens.issue_opaque("ann", PASSWORD, PHONE)
    await core.devices.drop_opaque(await core.tokens.identify_opaque(one), LAPTOP)
    assert await rejected(core.tokens.identify_opaque(one)) == "opaque_unknown"
    await core.tokens.identify_opaque(two)


async def test_a_signed_token_that_logs_out_takes_all_opaque_ones_and_no_signed_one() -> None:
    core = house()
    user = await make(core)
    opaque = [await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP) for _ in range(2)]
    pair = await sign_in(core)
    for access in (pair.access, foreign(core, user)):
        await core.devices.drop_opaque(await core.tokens.identify(access), LAPTOP)
        for token in opaque:
            assert await rejected(core.tokens.identify_opaque(token)) == "opaque_unknown"
        await core.tokens.identify(pair.access)


async def test_every_sign_out_is_noted() -> None:
    core = house()
    await make(core)
    caller = await calling(core)
    core.journal.facts.clear()
    await core.devices.sign_out(caller, PHONE)
    (fact,) = core.journal.facts
    assert (fact.what, fact.user_id, fact.session_id) == ("signed_out", caller.user.id, caller.session_id)
    assert (fact.address, fact.agent) == (PHONE.address, PHONE.agent)


async def test_an_operator_sees_and_ends_anybodys_sign_in() -> None:
    core = house()
    user = await make(core)
    pair, other = await sign_in(core), await sign_in(core, client=PHONE)
    session_id = (await core.tokens.identify(pair.access)).session_id or ""
    assert {session.agent for session in await core.devices.of(user)} == {"laptop", "phone"}
    core.journal.facts.clear()
    assert (await core.devices.revoke(session_id)).user_id == user.id
    assert await rejected(core.tokens.identify(pair.access)) == "revoked"
    await core.tokens.identify(other.access)
    with pytest.raises(NotFound):
        await core.devices.revoke(session_id)
    (fact,) = core.journal.facts
    assert (fact.what, fact.user_id, fact.session_id) == ("session_revoked", user.id, session_id)
    assert fact.why == "by the operator"


async def test_all_of_one_person_or_of_everybody_end_with_what_was_minted_elsewhere() -> None:
    core = house()
    ann, bob = await make(core), await make(core, "bob")

    async def tokens() -> dict[str, str]:
        return {
            "ann": (await sign_in(core)).access,
            "ann elsewhere": foreign(core, ann),
            "bob": (await sign_in(core, "bob")).access,
            "bob elsewhere": foreign(core, bob),
        }

    async def rejects(given: dict[str, str]) -> set[str]:
        found = set()
        for whose, token in given.items():
            try:
                await core.tokens.identify(token)
            except TokenRejected:
                found.add(whose)
        return found

    given = await tokens()
    core.journal.facts.clear()
    await core.devices.revoke_all_of(ann.id)
    assert await rejects(given) == {"ann", "ann elsewhere"}
    core.clock.advance(1.0)
    given = await tokens()
    assert await rejects(given) == set()
    await core.devices.revoke_everybodys()
    assert await rejects(given) == set(given)
    core.clock.advance(1.0)
    assert await rejects(await tokens()) == set()
    assert [fact.what for fact in core.journal.facts if fact.why] == [
        "all_sessions_revoked",
        "everybodys_sessions_revoked",
    ]
    with pytest.raises(NotFound):
        await core.devices.revoke_all_of(99)
