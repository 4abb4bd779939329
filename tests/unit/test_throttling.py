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
from tests.unit.support import (
    ANOTHER,
    LAPTOP,
    PASSWORD,
    PHONE,
    at_once,
    calling,
    delivered,
    mailed_link,
    make,
    register,
    sign_in,
)

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

    async def test_after_ten_failures_the_right_password_is_refused_too_and_not_looked_at(self) -> None:
        core = throttled()
        await make(core)
        assert await fail(core, 10) == ["BadCredentials"] * 10
        checks = core.hasher.checks
        with pytest.raises(TooManyAttempts) as refused:
            await sign_in(core)
        assert refused.value.retry_after == MINUTE / 4
        assert core.hasher.checks == checks
        core.clock.advance(MINUTE / 4)
        await sign_in(core)

    async def test_each_further_try_waits_twice_as_long_as_the_one_before(self) -> None:
        core = throttled()
        await make(core)
        await fail(core, 10)
        for pause in (15.0, 30.0, 60.0, 120.0, 240.0, 480.0):
            with pytest.raises(TooManyAttempts) as refused:
                await sign_in(core)
            assert refused.value.retry_after == pause
            core.clock.advance(pause)
            assert await fail(core, 2) == ["BadCredentials", "TooManyAttempts"]

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

    async def test_an_account_bears_forty_failures_from_all_addresses_together_and_slows_down_then(self) -> None:
        core = throttled()
        await make(core)
        outcomes = [(await fail(core, 1, client=Client(f"192.0.2.{number}")))[0] for number in range(60)]
        assert outcomes == ["BadCredentials"] * 40 + ["TooManyAttempts"] * 20
        core.clock.advance(1.0)
        assert await fail(core, 2, client=PHONE) == ["BadCredentials", "TooManyAttempts"]

    @pytest.mark.parametrize("name", ["ann", "nobody"])
    async def test_in_an_hour_no_more_than_sixty_strangers_fail_however_patient_they_are(self, name: str) -> None:
        core = throttled()
        await make(core)
        failed = 0
        for number in range(3_599):
            failed += (await fail(core, 1, name, Client(f"198.51.{number >> 8}.{number & 255}"))) == ["BadCredentials"]
            core.clock.advance(1.0)
        assert 40 < failed <= 60

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


class TestFamiliarPlaces:
    """The owner gets in where they did before."""

    async def besiege(self, core: MemoryCore, name: str = "ann") -> None:
        """Use up all that strangers may try."""
        for number in range(50):
            await fail(core, 1, name, Client(f"198.51.100.{number}", "curl"))
        assert await fail(core, 1, name, Client("203.0.113.9")) == ["TooManyAttempts"]

    async def test_strangers_who_use_up_their_tries_do_not_keep_the_owner_out_of_a_place_they_know(self) -> None:
        core = throttled()
        await make(core)
        await sign_in(core, client=LAPTOP)
        await self.besiege(core)
        with pytest.raises(TooManyAttempts):
            await sign_in(core, client=PHONE)
        await sign_in(core, client=LAPTOP)
        await core.tokens.issue_opaque("ann", PASSWORD, LAPTOP)

    async def test_all_failures_together_stay_within_a_hundred(self) -> None:
        core = throttled()
        await make(core)
        for number in range(20):
            await sign_in(core, client=Client(f"192.0.2.{number}", "laptop"))
        core.clock.advance(60 * MINUTE)
        clients = [
            *(Client(f"192.0.2.{number % 20}", "laptop") for number in range(200)),
            *(Client(f"198.51.100.{number}") for number in range(200)),
        ]
        outcomes = [(await fail(core, 1, client=client))[0] for client in clients]
        assert outcomes.count("BadCredentials") == 80
        with pytest.raises(TooManyAttempts):
            await sign_in(core, client=Client("192.0.2.1", "laptop"))

    async def test_guessing_at_a_familiar_place_is_slow_too(self) -> None:
        core = throttled()
        await make(core)
        await sign_in(core)
        assert await fail(core, 12) == ["BadCredentials"] * 10 + ["TooManyAttempts"] * 2

    async def test_the_same_address_with_another_program_is_another_place(self) -> None:
        core = throttled()
        await make(core)
        await sign_in(core, client=LAPTOP)
        # The first sign-in was the first of ten.
        outcomes = await fail(core, 15, client=Client(LAPTOP.address, "curl"))
        assert outcomes == ["BadCredentials"] * 9 + ["TooManyAttempts"] * 6
        await sign_in(core, client=LAPTOP)

    async def test_a_newer_version_of_a_program_is_the_same_place(self) -> None:
        core = throttled()
        await make(core)
        await sign_in(core, client=Client("192.0.2.1", "Mozilla/5.0 Firefox/130.0"))
        await self.besiege(core)
        await sign_in(core, client=Client("192.0.2.1", "Mozilla/5.0 Firefox/131.0.1"))

    async def test_a_place_that_is_familiar_to_one_account_is_not_to_another(self) -> None:
        core = throttled()
        await make(core)
        await make(core, "eve")
        await sign_in(core, "eve", client=LAPTOP)
        await self.besiege(core)
        with pytest.raises(TooManyAttempts):
            await sign_in(core, client=LAPTOP)

    async def test_a_wrong_password_makes_no_place_familiar(self) -> None:
        core = throttled()
        await make(core)
        await fail(core, 1)
        await self.besiege(core)
        with pytest.raises(TooManyAttempts):
            await sign_in(core)

    async def test_whoever_proves_by_mail_who_they_are_gets_in_where_they_are(self) -> None:
        core = throttled()
        await make(core)
        await sign_in(core, client=LAPTOP)
        await self.besiege(core)
        await core.credentials.request_reset("password_reset", "ann@example.org", PHONE)
        link = await mailed_link(core, "password_reset")
        await core.credentials.confirm_password_reset(link.uid, link.token, ANOTHER, PHONE)
        await sign_in(core, password=ANOTHER, client=PHONE)
        # Whoever knew the old password may have signed in elsewhere: those places are nobody's any more.
        with pytest.raises(TooManyAttempts):
            await sign_in(core, password=ANOTHER, client=LAPTOP)

    @pytest.mark.parametrize("ends", ["others", "all", "none"])
    async def test_a_changed_password_leaves_the_place_where_it_was_changed(self, ends: str) -> None:
        core = throttled(logout_on_password_change=ends)
        await make(core)
        await sign_in(core, client=PHONE)
        caller = await calling(core, client=LAPTOP)
        await core.credentials.change_password(caller, PASSWORD, ANOTHER, LAPTOP)
        await self.besiege(core)
        await sign_in(core, password=ANOTHER, client=LAPTOP)
        there = await outcome(sign_in(core, password=ANOTHER, client=PHONE))
        assert there == ("done" if ends == "none" else "TooManyAttempts")

    async def test_a_caller_at_a_familiar_place_may_prove_who_they_are(self) -> None:
        core = throttled()
        await make(core)
        caller = await calling(core, client=LAPTOP)
        await self.besiege(core)
        await core.credentials.change_password(caller, PASSWORD, ANOTHER, LAPTOP)

    async def test_where_there_is_no_address_no_place_is_familiar(self) -> None:
        core = throttled()
        await make(core)
        await sign_in(core, client=Client("", "laptop"))
        await self.besiege(core)
        with pytest.raises(TooManyAttempts):
            await sign_in(core, client=Client("", "laptop"))

    async def test_a_crowd_that_signs_in_at_a_new_place_gets_in(self) -> None:
        core = memory_core()
        await make(core)
        assert await at_once(lambda _: sign_in(core)) == {"done": 20}


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
        # The sign-in made the place a familiar one, which has ten of its own.
        assert outcomes == ["InvalidInput"] * 10 + ["TooManyAttempts"] * 2

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


class TestNames:
    """Asking which names and addresses are taken."""

    async def test_changing_a_profile_to_learn_what_is_taken_counts_for_the_account(self) -> None:
        core = throttled()
        await make(core)
        await make(core, "bob")
        caller = await calling(core)
        outcomes = [
            await outcome(core.profiles.change(caller, caller.user.id, Client(f"192.0.2.{number}"), username="bob"))
            for number in range(35)
        ]
        assert outcomes == ["AlreadyTaken"] * 30 + ["TooManyAttempts"] * 5

    async def test_an_address_counts_as_a_name_does(self) -> None:
        core = throttled()
        await make(core)
        await make(core, "bob")
        caller = await calling(core)
        outcomes = [
            await outcome(core.profiles.change(caller, caller.user.id, LAPTOP, email="bob@example.org"))
            for _ in range(31)
        ]
        assert outcomes == ["AlreadyTaken"] * 30 + ["TooManyAttempts"]

    async def test_changing_the_name_to_sign_in_with_counts_too(self) -> None:
        core = throttled()
        await make(core)
        await make(core, "bob")
        caller = await calling(core)
        outcomes = []
        for _ in range(32):
            # Slow enough for the password, which is asked for as well.
            core.clock.advance(MINUTE)
            outcomes.append(await outcome(core.credentials.change_name(caller, PASSWORD, "bob", LAPTOP)))
        assert outcomes == ["AlreadyTaken"] * 30 + ["TooManyAttempts"] * 2

    async def test_nobody_asks_for_names_by_links_that_were_never_mailed(self) -> None:
        core = throttled()
        await make(core)
        outcomes = [await outcome(core.credentials.confirm_name_reset("MQ", "0-0", "ann", LAPTOP)) for _ in range(65)]
        assert outcomes == ["AlreadyTaken"] * 60 + ["TooManyAttempts"] * 5

    async def test_what_is_ones_own_already_counts_for_nothing(self) -> None:
        core = throttled()
        await make(core)
        caller = await calling(core)
        for _ in range(100):
            await core.profiles.change(caller, caller.user.id, LAPTOP, username="ann", email="ann@example.org")


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
