"""Throttling: who tries too often is refused before anything is done for them, and others are not."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.domain.errors import BadCredentials, InvalidInput, Refusal, TooManyAttempts
from auth_service.domain.model import Client, LinkPurpose
from auth_service.domain.policy import Policy
from auth_service.domain.registration import SignUp
from tests.unit.support import ANOTHER, LAPTOP, PASSWORD, PHONE, at_once, calling, delivered, make, register, sign_in

MINUTE = 60.0


def throttled(**choices: Any) -> MemoryCore:  # noqa: ANN401 - any choice of the policy
    """Build a service that counts attempts."""
    return memory_core(Policy(**choices), throttled=True)


async def outcome(doing: Awaitable[object]) -> str:
    """Do it, and return what came of it."""
    try:
        await doing
    except Refusal as refusal:
        return type(refusal).__name__
    return "done"


async def fail(core: MemoryCore, times: int, name: str = "ann", client: Client = LAPTOP) -> list[str]:
    """Try a wrong password so often, and return what came of it each time."""
    return [await outcome(core.tokens.issue(name, "a wrong one", client)) for _ in range(times)]


class TestSignIn:
    """Guessing passwords."""

    async def test_after_ten_failures_in_a_minute_the_right_password_is_refused_too_and_not_looked_at(self) -> None:
        core = throttled()
        await make(core)
        assert await fail(core, 10) == ["BadCredentials"] * 10
        checks = core.hasher.checks
        with pytest.raises(TooManyAttempts) as refused:
            await sign_in(core)
        assert refused.value.retry_after == MINUTE
        assert core.hasher.checks == checks
        core.clock.advance(MINUTE)
        await sign_in(core)

    async def test_the_owner_gets_in_from_another_address(self) -> None:
        core = throttled()
        await make(core)
        await fail(core, 30)
        await sign_in(core, client=PHONE)

    async def test_a_stranger_who_tries_for_an_hour_does_not_keep_the_owner_out(self) -> None:
        core = throttled()
        await make(core)
        for _ in range(60):
            await fail(core, 12)
            await sign_in(core, client=PHONE)
            core.clock.advance(MINUTE)

    async def test_an_unknown_name_is_refused_as_a_known_one(self) -> None:
        core = throttled()
        await make(core)
        assert await fail(core, 12, "ann") == await fail(core, 12, "nobody")

    async def test_all_names_and_spellings_of_an_account_share_its_counter(self) -> None:
        core = throttled()
        await make(core)
        names = ["ann", "ANN", "\uff41\uff4e\uff4e", "ann@example.org", "Ann@EXAMPLE.org"]
        outcomes = [(await fail(core, 1, name))[0] for name in names * 3]
        assert outcomes == ["BadCredentials"] * 10 + ["TooManyAttempts"] * 5

    async def test_both_kinds_of_token_share_a_counter(self) -> None:
        core = throttled()
        await make(core)
        await fail(core, 10)
        with pytest.raises(TooManyAttempts):
            await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP, by="username")

    async def test_an_account_bears_ninety_failures_from_all_addresses_together(self) -> None:
        core = throttled()
        await make(core)
        outcomes = [(await fail(core, 1, client=Client(f"192.0.2.{number}")))[0] for number in range(120)]
        assert outcomes == ["BadCredentials"] * 90 + ["TooManyAttempts"] * 30

    async def test_a_client_may_fail_with_sixty_names_a_minute(self) -> None:
        core = throttled()
        outcomes = [(await fail(core, 1, f"name{number}"))[0] for number in range(70)]
        assert outcomes == ["BadCredentials"] * 60 + ["TooManyAttempts"] * 10
        assert await fail(core, 1, client=PHONE) == ["BadCredentials"]

    async def test_addresses_of_one_network_are_one_client(self) -> None:
        core = throttled()
        outcomes = [(await fail(core, 1, client=Client(f"2001:db8::{number:x}")))[0] for number in range(12)]
        assert outcomes == ["BadCredentials"] * 10 + ["TooManyAttempts"] * 2

    async def test_signing_in_to_ones_own_account_wipes_no_failure_out(self) -> None:
        core = throttled()
        await make(core)
        await make(core, "eve")
        await fail(core, 9)
        await sign_in(core, "eve")
        assert await fail(core, 2) == ["BadCredentials", "TooManyAttempts"]

    async def test_many_at_once_do_not_slip_through(self) -> None:
        core = throttled()
        await make(core)
        outcomes = await at_once(lambda _: core.tokens.issue("ann", "a wrong one", LAPTOP), crowd=50)
        assert outcomes == {"BadCredentials": 10, "TooManyAttempts": 40}

    async def test_a_refusal_is_noted_with_its_reason(self) -> None:
        core = throttled()
        ann = await make(core)
        await fail(core, 11)
        fact = core.journal.facts[-1]
        assert (fact.what, fact.user_id, fact.why) == ("sign_in_refused", ann.id, "too many attempts")
        assert fact.address == LAPTOP.address

    async def test_nobody_is_counted_unless_that_is_wanted(self) -> None:
        core = memory_core()
        await make(core)
        assert await fail(core, 200) == ["BadCredentials"] * 200


class TestCurrentPassword:
    """Guessing the password of somebody who is signed in."""

    async def test_every_place_that_asks_for_it_counts_as_a_sign_in(self) -> None:
        core = throttled()
        await make(core)
        caller = await calling(core, client=LAPTOP)
        outcomes = []
        for _ in range(4):
            outcomes += [
                await outcome(core.credentials.change_password(caller, "a wrong one", ANOTHER, LAPTOP)),
                await outcome(core.credentials.change_name(caller, "a wrong one", "anna", LAPTOP)),
                await outcome(core.profiles.delete(caller, caller.user.id, "a wrong one", LAPTOP)),
            ]
        # The sign-in was the first of ten.
        assert outcomes == ["InvalidInput"] * 9 + ["TooManyAttempts"] * 3

    async def test_while_it_is_refused_the_right_one_is_too_and_changes_nothing(self) -> None:
        core = throttled()
        await make(core)
        caller = await calling(core, client=PHONE)
        await fail(core, 10)
        checks = core.hasher.checks
        for doing in (
            core.credentials.change_password(caller, PASSWORD, ANOTHER, LAPTOP),
            core.credentials.change_name(caller, PASSWORD, "anna", LAPTOP),
            core.profiles.delete(caller, caller.user.id, PASSWORD, LAPTOP),
        ):
            with pytest.raises(TooManyAttempts):
                await doing
        assert core.hasher.checks == checks
        await sign_in(core, client=PHONE)

    async def test_where_none_was_given_nothing_is_counted(self) -> None:
        core = throttled()
        await make(core)
        caller = await calling(core)
        for _ in range(20):
            with pytest.raises(InvalidInput):
                await core.credentials.change_password(caller, None, "short", LAPTOP)


class TestMail:
    """Filling mailboxes."""

    @pytest.mark.parametrize("address", ["ann@example.org", "nobody@example.org"])
    async def test_an_address_gets_five_mails_an_hour_of_all_kinds_whether_anybody_has_it_or_not(
        self, address: str
    ) -> None:
        core = throttled()
        await register(core)
        asked = 0

        async def ask(kind: str) -> None:
            # From somewhere else each time.
            nonlocal asked
            asked += 1
            client = Client(f"192.0.2.{asked}")
            purposes: dict[str, LinkPurpose] = {"password": "password_reset", "name": "username_reset"}
            if kind == "resend":
                await core.registration.resend(address, client)
            else:
                await core.credentials.request_reset(purposes[kind], address, client)

        kinds = ["resend", "password", "name", "password", "resend", "resend", "password", "name"]
        assert [await outcome(ask(kind)) for kind in kinds] == ["done"] * 5 + ["TooManyAttempts"] * 3
        core.clock.advance(60 * MINUTE)
        await ask("password")

    async def test_where_unknown_addresses_are_told_the_limit_is_told_alike(self) -> None:
        core = throttled(password_reset_tells_unknown=True)
        await make(core)

        def asking(address: str) -> Awaitable[None]:
            return core.credentials.request_reset("password_reset", address, LAPTOP)

        assert [await outcome(asking("ann@example.org")) for _ in range(6)] == ["done"] * 5 + ["TooManyAttempts"]
        assert [await outcome(asking("nobody@example.org")) for _ in range(6)] == ["UnknownAddress"] * 5 + [
            "TooManyAttempts"
        ]

    async def test_what_is_refused_is_not_mailed(self) -> None:
        core = throttled()
        await make(core)
        for _ in range(9):
            await outcome(core.credentials.request_reset("password_reset", "Ann@example.org", LAPTOP))
        assert await delivered(core) == [("password_reset", "ann@example.org")] * 5

    async def test_a_client_asks_for_thirty_mails_an_hour_and_others_ask_on(self) -> None:
        core = throttled()
        asked = [
            await outcome(core.credentials.request_reset("password_reset", f"n{number}@example.org", LAPTOP))
            for number in range(35)
        ]
        assert asked == ["done"] * 30 + ["TooManyAttempts"] * 5
        await core.credentials.request_reset("password_reset", "n34@example.org", PHONE)

    async def test_text_that_is_no_address_counts_for_nothing(self) -> None:
        core = throttled()
        for _ in range(40):
            with pytest.raises(InvalidInput):
                await core.credentials.request_reset("password_reset", "no address", LAPTOP)
        await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)

    async def test_changing_ones_address_fills_nobody_elses_mailbox(self) -> None:
        core = throttled()
        await make(core)
        caller = await calling(core)
        mailed = []
        for number in range(8):
            address = "victim@example.org" if number % 2 else "VICTIM@example.org"
            await outcome(core.profiles.change(caller, caller.user.id, LAPTOP, email=address))
            mailed += await delivered(core)
        assert [kind for kind, _ in mailed] == ["activation"] * 5

    async def test_nor_does_changing_the_address_one_signs_in_with(self) -> None:
        core = throttled(login_field="email")
        await make(core)
        caller = await calling(core)
        mailed = []
        for number in range(8):
            address = "victim@example.org" if number % 2 else "VICTIM@example.org"
            await outcome(core.credentials.change_name(caller, PASSWORD, address, LAPTOP))
            mailed += await delivered(core)
        assert [kind for kind, _ in mailed] == ["activation"] * 5


async def test_a_change_that_has_to_look_again_counts_once() -> None:
    core = throttled()
    user = await make(core)
    caller = await calling(core)

    async def change(number: int) -> None:
        await core.profiles.change(caller, user.id, LAPTOP, email=f"ann{number}@example.net")

    assert await at_once(change, 12) == {"done": 12}


class TestRegistration:
    """Flooding, and guessing who has an account."""

    async def test_a_client_registers_sixty_times_an_hour_and_others_register_on(self) -> None:
        core = throttled()
        await register(core)
        for number in range(59):
            new = SignUp(username=f"n{number}", email=f"n{number}@example.org", password=PASSWORD)
            await core.registration.register(new, LAPTOP)
        with pytest.raises(TooManyAttempts):
            await register(core, "bob")
        assert await core.users.by_username("bob") is None
        await core.registration.register(SignUp(username="bob", email="b@example.org", password=PASSWORD), PHONE)

    async def test_to_learn_that_a_name_is_taken_counts_too(self) -> None:
        core = throttled()
        await register(core)
        outcomes = [await outcome(register(core)) for _ in range(60)]
        assert outcomes == ["AlreadyTaken"] * 59 + ["TooManyAttempts"]


async def test_refreshing_and_verifying_are_not_counted() -> None:
    core = throttled()
    await make(core)
    pair = await sign_in(core)
    await asyncio.gather(*(core.tokens.verify(pair.access) for _ in range(100)))
    for _ in range(100):
        await core.tokens.refresh(pair.refresh or "", LAPTOP)
    with pytest.raises(BadCredentials):
        await core.tokens.issue("ann", "a wrong one", LAPTOP)
