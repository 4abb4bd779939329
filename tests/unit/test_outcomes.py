"""Every outcome is noted once: also each refusal, with its reason, and never with what was typed."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.domain.errors import Refusal
from auth_service.domain.model import Client, Fact
from auth_service.domain.policy import Policy
from auth_service.domain.registration import SignUp

from .support import ANOTHER, COMMON, LAPTOP, PASSWORD, calling, foreign, fresh_link, make, sign_in

TYPED = "what-somebody-typed"
OTHER = Client("192.0.2.99", "another")

Do = Callable[[MemoryCore], Awaitable[object]]


def outcomes(core: MemoryCore) -> list[tuple[str, int | None, str]]:
    return [(fact.what, fact.user_id, fact.why) for fact in core.journal.facts]


async def _register(core: MemoryCore, **changes: str) -> object:
    typed = {"username": TYPED, "email": f"{TYPED}@example.org", "password": TYPED, **changes}
    return await core.registration.register(SignUp(**typed), LAPTOP)


async def _used_link(core: MemoryCore) -> object:
    ann = await core.users.by_username("ann")
    assert ann is not None
    uid, token = fresh_link(core, "activation", ann)
    return await core.registration.activate(uid, token, LAPTOP)


async def _refresh_when_ended(core: MemoryCore) -> object:
    pair = await sign_in(core, client=OTHER)
    await core.devices.revoke_all_of(1)
    core.journal.facts.clear()
    return await core.tokens.refresh(pair.refresh or "", LAPTOP)


async def _sign_out_of_nobody(core: MemoryCore) -> None:
    ann = await core.users.by_username("ann")
    assert ann is not None
    await core.tokens.sign_out(foreign(core, ann, token_type="refresh", user_id="99"), LAPTOP)


async def _name_reset(core: MemoryCore, uid: str, new: str) -> object:
    return await core.credentials.confirm_name_reset(uid, TYPED, new, LAPTOP)


REFUSALS: dict[str, tuple[Do, tuple[str, int | None, str] | None]] = {
    "a name that is taken": (
        lambda core: _register(core, username="ann"),
        ("registration_refused", None, "taken: username"),
    ),
    "an address that is taken": (
        lambda core: _register(core, email="ann@example.org"),
        ("registration_refused", None, "taken: email"),
    ),
    "a slip in a form": (lambda core: _register(core, password="short"), None),
    "a wrong password": (
        lambda core: core.tokens.issue("ann", TYPED, LAPTOP),
        ("sign_in_refused", 1, "wrong password"),
    ),
    "an unknown name": (
        lambda core: core.tokens.issue(TYPED, TYPED, LAPTOP),
        ("sign_in_refused", None, "unknown name"),
    ),
    "an activation for nobody": (
        lambda core: core.registration.activate(TYPED, TYPED, LAPTOP),
        ("activation_refused", None, "no good link: uid"),
    ),
    "an activation with a wrong token": (
        lambda core: core.registration.activate("MQ", TYPED, LAPTOP),
        ("activation_refused", 1, "no good link: token"),
    ),
    "an activation once more": (_used_link, ("activation_refused", 1, "link used before")),
    "a reset with a wrong token": (
        lambda core: core.credentials.confirm_password_reset("MQ", TYPED, ANOTHER, LAPTOP),
        ("password_reset_refused", 1, "no good link: token"),
    ),
    "a reset for nobody": (
        lambda core: core.credentials.confirm_password_reset(TYPED, TYPED, ANOTHER, LAPTOP),
        ("password_reset_refused", None, "no good link: uid"),
    ),
    "a new name with a wrong token": (
        lambda core: _name_reset(core, "MQ", TYPED),
        ("name_reset_refused", 1, "no good link: token"),
    ),
    "a new name that is taken": (
        lambda core: _name_reset(core, "MQ", "bob"),
        ("name_reset_refused", 1, "taken: new_username"),
    ),
    "a refresh in a session that was ended": (_refresh_when_ended, ("refresh_refused", 1, "token revoked")),
    "a refresh with what is no token": (lambda core: core.tokens.refresh(TYPED, LAPTOP), None),
    "a sign-out with a token of nobody": (
        _sign_out_of_nobody,
        ("sign_out_refused", 99, "token user unknown"),
    ),
}


async def two_people(*, throttled: bool = False, **choices: object) -> MemoryCore:
    core = memory_core(Policy(**choices), common_passwords=COMMON, throttled=throttled)  # type: ignore[arg-type]
    await make(core)
    await make(core, "bob")
    core.journal.facts.clear()
    return core


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_is_noted_once_with_its_reason_and_nothing_that_was_typed(name: str) -> None:
    refused, noted = REFUSALS[name]
    core = await two_people()
    with pytest.raises(Refusal):
        await refused(core)
    assert outcomes(core) == ([] if noted is None else [noted])
    assert TYPED not in repr(core.journal.facts)
    assert {(fact.address, fact.agent) for fact in core.journal.facts} <= {(LAPTOP.address, LAPTOP.agent)}


@pytest.mark.parametrize(
    ("what", "asked"),
    [
        ("registration_refused", _register),
        ("activation_request_refused", lambda core: core.registration.resend("ann@example.org", LAPTOP)),
        (
            "password_reset_request_refused",
            lambda core: core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP),
        ),
        (
            "username_reset_request_refused",
            lambda core: core.credentials.request_reset("username_reset", "ann@example.org", LAPTOP),
        ),
    ],
)
async def test_who_is_slowed_down_is_noted(what: str, asked: Do) -> None:
    core = await two_people(throttled=True)
    for _ in range(61):
        with suppress(Refusal):
            await asked(core)
    core.journal.facts.clear()
    with pytest.raises(Refusal):
        await asked(core)
    assert outcomes(core) == [(what, None, "too many attempts")]
    # A flood of them must not fill what is kept.
    assert {fact.keep for fact in core.journal.facts} == {"alike_once"}


async def test_a_wrong_current_password_is_noted_once_whatever_else_is_wrong() -> None:
    core = await two_people()
    caller = await calling(core)
    core.journal.facts.clear()
    with pytest.raises(Refusal):
        await core.credentials.change_name(caller, TYPED, "bob", LAPTOP)
    with pytest.raises(Refusal):
        await core.credentials.change_password(caller, TYPED, "short", LAPTOP)
    assert outcomes(core) == [("current_password_refused", 1, "wrong password")] * 2


async def test_asking_for_what_is_others_is_noted() -> None:
    core = await two_people()
    caller = await calling(core)
    session_of_bob = (await calling(core, "bob")).session_id or ""
    core.journal.facts.clear()
    for asked in (
        core.profiles.show(caller, 2, LAPTOP),
        core.profiles.change(caller, 2, LAPTOP, email="new@example.org"),
        core.profiles.delete(caller, 2, PASSWORD, LAPTOP),
        core.devices.end(caller, session_of_bob, LAPTOP),
    ):
        with pytest.raises(Refusal):
            await asked
    assert outcomes(core) == [("profile_refused", 1, "not theirs")] * 3 + [("sign_out_refused", 1, "not theirs")]
    assert {fact.session_id for fact in core.journal.facts} == {caller.session_id}


async def test_what_is_routine_is_not_for_keeps() -> None:
    core = await two_people(rotate_refresh=True)
    pair = await sign_in(core)
    core.journal.facts.clear()
    await core.tokens.refresh(pair.refresh or "", LAPTOP)
    assert core.journal.facts == [
        Fact(
            what="refreshed",
            user_id=1,
            session_id=(await core.tokens.identify(pair.access)).session_id,
            address=LAPTOP.address,
            agent=LAPTOP.agent,
            keep="never",
        )
    ]
