"""When sign-ins end: at the latest after their lifetime, however they are used, and to the second."""

import pytest

from auth_service.adapters.memory.core import MemoryCore
from auth_service.domain.model import TokenPair

from .support import LAPTOP, PASSWORD, house, make, rejected, sign_in


def refresh_of(pair: TokenPair) -> str:
    assert pair.refresh is not None
    return pair.refresh


def expiry(core: MemoryCore, token: str) -> object:
    return core.signer.read(token).exp


async def test_a_session_that_rotates_for_ever_ends_after_its_lifetime_to_the_second() -> None:
    core = house(rotate_refresh=True, refresh_lifetime=100.0, session_lifetime=250.0, access_lifetime=60.0)
    await make(core)
    begun = core.clock.now()
    pair = await sign_in(core)
    assert expiry(core, refresh_of(pair)) == int(begun) + 100
    for passed in (80.0, 160.0, 240.0):
        core.clock.at = begun + passed
        pair = await core.tokens.refresh(refresh_of(pair), LAPTOP)
    # What was given last says so itself, to those who check it elsewhere too.
    assert expiry(core, refresh_of(pair)) == expiry(core, pair.access) == int(begun + 250.0)
    core.clock.at = float(int(begun + 250.0)) - 0.01
    await core.tokens.identify(pair.access)
    await core.tokens.refresh(refresh_of(pair), LAPTOP)
    core.clock.at = float(int(begun + 250.0))
    assert await rejected(core.tokens.identify(pair.access)) == "expired"
    assert await rejected(core.tokens.refresh(refresh_of(pair), LAPTOP)) == "expired"


async def test_a_retry_within_the_grace_gets_the_same_successor_at_the_end_too() -> None:
    core = house(rotate_refresh=True, refresh_lifetime=100.0, session_lifetime=150.0)
    await make(core)
    pair = await sign_in(core)
    core.clock.advance(90.0)
    one = await core.tokens.refresh(refresh_of(pair), LAPTOP)
    core.clock.advance(5.0)
    assert (await core.tokens.refresh(refresh_of(pair), LAPTOP)).refresh == one.refresh


async def test_a_shorter_lifetime_counts_for_sessions_that_are_open() -> None:
    before = house(session_lifetime=1_000.0, refresh_lifetime=900.0)
    await make(before)
    pair = await sign_in(before)
    opaque = await before.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
    after = house(session_lifetime=300.0, refresh_lifetime=900.0, opaque_lifetime=300.0)
    after.store._memory.tables = before.store._memory.tables
    after.clock.advance(299.5)
    caller = await after.tokens.identify_opaque(opaque)
    await after.tokens.identify(pair.access)
    assert len(await after.devices.signed_in(caller)) == 2
    after.clock.advance(0.5)
    assert await rejected(after.tokens.identify(pair.access)) == "revoked"
    assert await rejected(after.tokens.refresh(refresh_of(pair), LAPTOP)) == "revoked"
    assert await rejected(after.tokens.identify_opaque(opaque)) == "opaque_unknown"
    assert await after.devices.signed_in(caller) == []


async def test_the_refresh_token_is_the_idle_limit_of_a_session_that_rotates() -> None:
    core = house(rotate_refresh=True, refresh_lifetime=100.0, session_lifetime=10_000.0)
    await make(core)
    pair = await sign_in(core)
    core.clock.advance(100.0)
    assert await rejected(core.tokens.refresh(refresh_of(pair), LAPTOP)) == "expired"


async def test_an_opaque_token_has_no_end_unless_one_is_set() -> None:
    core = house()
    await make(core)
    token = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
    core.clock.advance(50 * 365 * 86_400.0)
    caller = await core.tokens.identify_opaque(token)
    assert caller.session is not None
    assert caller.session.expires_at is None


async def test_an_opaque_token_with_an_end_ends_then_however_it_is_used() -> None:
    core = house(opaque_lifetime=1_000.0)
    await make(core)
    token = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
    for _ in range(9):
        core.clock.advance(111.0)
        await core.tokens.identify_opaque(token)
    core.clock.advance(1.0)
    assert await rejected(core.tokens.identify_opaque(token)) == "opaque_unknown"


@pytest.mark.parametrize(("pause", "lives"), [(3_600.0, True), (3_689.0, True), (3_690.0, False)])
async def test_an_opaque_token_that_lies_unused_ends_never_early_and_soon_after(pause: float, *, lives: bool) -> None:
    core = house(opaque_idle_lifetime=3_600.0)
    await make(core)
    token = await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)
    for _ in range(3):
        core.clock.advance(3_000.0)
        await core.tokens.identify_opaque(token)
    core.clock.advance(pause)
    if lives:
        await core.tokens.identify_opaque(token)
    else:
        assert await rejected(core.tokens.identify_opaque(token)) == "opaque_unknown"
