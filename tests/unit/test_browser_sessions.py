"""What the pages need of the domain: a sign-in for a browser, links that are looked at, an address that stays."""

from typing import Literal

import pytest

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.domain.errors import LinkRejected, LinkSpent, TokenRejected
from auth_service.domain.model import Caller, Client, Link, User
from auth_service.domain.policy import DAY, HOUR, Policy

PASSWORD = "could-i-be-any-safer"
HERE = Client("192.0.2.7", "Firefox")


async def _ann(core: MemoryCore) -> User:
    return await core.people.create(username="ann", email="ann@example.org", password=PASSWORD, staff=False)


async def _link(core: MemoryCore) -> Link:
    letters = await core.deliver()
    return Link(*(letters[-1].link or "").split("/")[-2:])


async def test_a_browser_is_known_by_its_token_and_no_other() -> None:
    core = memory_core()
    ann = await _ann(core)
    token = await core.tokens.issue_browser("ann", PASSWORD, HERE)
    assert (await core.tokens.identify_browser(token)).user.id == ann.id
    opaque = await core.tokens.issue_opaque("ann", PASSWORD, HERE)
    with pytest.raises(TokenRejected):
        await core.tokens.identify_opaque(token)
    with pytest.raises(TokenRejected):
        await core.tokens.identify_browser(opaque)


async def test_a_browser_session_ends_at_its_time_however_often_it_is_used() -> None:
    core = memory_core(Policy(browser_lifetime=DAY))
    await _ann(core)
    token = await core.tokens.issue_browser("ann", PASSWORD, HERE)
    core.clock.advance(DAY - 1)
    await core.tokens.identify_browser(token)
    core.clock.advance(2)
    with pytest.raises(TokenRejected):
        await core.tokens.identify_browser(token)


async def test_a_browser_is_one_of_the_devices_and_can_be_signed_out() -> None:
    core = memory_core()
    await _ann(core)
    token = await core.tokens.issue_browser("ann", PASSWORD, HERE)
    caller = await core.tokens.identify_browser(token)
    assert [device.kind for device in await core.devices.signed_in(caller)] == ["browser"]
    await core.devices.sign_out(caller, HERE)
    with pytest.raises(TokenRejected):
        await core.tokens.identify_browser(token)


async def test_an_address_that_waits_can_be_taken_back_and_its_link_is_dead() -> None:
    core = memory_core()
    ann = await _ann(core)
    caller = Caller(ann)
    await core.profiles.change(caller, ann.id, HERE, email="new@example.org")
    link = await _link(core)
    assert await core.registration.check_link(link.uid, link.token) == "new@example.org"
    kept = await core.profiles.keep_address(caller, HERE)
    assert (kept.email, kept.pending_email) == ("ann@example.org", None)
    assert (await core.profiles.keep_address(caller, HERE)).version == (await core.people.find("ann")).version
    with pytest.raises(LinkRejected):
        await core.registration.check_link(link.uid, link.token)


async def test_to_look_at_a_link_is_not_to_use_it() -> None:
    core = memory_core()
    ann = await _ann(core)
    await core.profiles.change(Caller(ann), ann.id, HERE, email="new@example.org")
    link = await _link(core)
    for _ in range(3):
        await core.registration.check_link(link.uid, link.token)
    await core.registration.activate(link.uid, link.token, HERE)
    with pytest.raises(LinkSpent):
        await core.registration.check_link(link.uid, link.token)


@pytest.mark.parametrize("purpose", ["password_reset", "username_reset"])
async def test_a_reset_link_tells_whether_it_is_used_too_old_or_wrong(
    purpose: Literal["password_reset", "username_reset"],
) -> None:
    core = memory_core()
    await _ann(core)
    await core.credentials.request_reset(purpose, "ann@example.org", HERE)
    link = await _link(core)
    await core.credentials.check_link(purpose, link.uid, link.token)
    assert await _why(core, purpose, Link(link.uid, f"{link.token[:-4]}0000")) == "wrong"
    assert await _why(core, "password_reset" if purpose != "password_reset" else "username_reset", link) == "wrong"
    core.clock.advance(HOUR + 1)
    assert await _why(core, purpose, link) == "expired"
    core.clock.advance(-HOUR)
    if purpose == "password_reset":
        await core.credentials.confirm_password_reset(link.uid, link.token, "we-were-on-a-break", HERE)
    else:
        await core.credentials.confirm_name_reset(link.uid, link.token, "chandler", HERE)
    assert await _why(core, purpose, link) == "spent"


async def _why(core: MemoryCore, purpose: Literal["password_reset", "username_reset"], link: Link) -> str:
    with pytest.raises(LinkRejected) as refused:
        await core.credentials.check_link(purpose, link.uid, link.token)
    return refused.value.why
