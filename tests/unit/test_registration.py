"""Registration: an account with its mail, or nothing."""

import pytest
from msgspec.structs import replace

from auth_service.domain.errors import ActivationOff, AlreadyTaken, BadCredentials, InvalidInput, Problem
from auth_service.domain.model import User
from auth_service.domain.registration import SignUp

from .support import LAPTOP, PASSWORD, at_once, delivered, house, make, now, problems_of, register, sign_in

NEW = SignUp(username="ann", email="ann@example.org", password=PASSWORD)


async def test_a_newcomer_waits_for_activation_and_is_mailed_a_link_to_the_frontend() -> None:
    core = house(frontend_url="https://app.example.org", activation_url="#/activate/{uid}/{token}")
    user = await register(core)
    assert (user.state, user.email_confirmed, user.is_staff) == ("pending", False, False)
    with pytest.raises(BadCredentials):
        await sign_in(core)
    (letter,) = await core.deliver()
    assert (letter.kind, letter.to, letter.username) == ("activation", "ann@example.org", "ann")
    assert letter.link is not None
    assert letter.link.startswith("https://app.example.org/#/activate/MQ/")
    assert letter.link_lifetime == core.policy.activation_timeout


async def test_where_activation_is_optional_a_newcomer_is_mailed_and_signs_in_meanwhile() -> None:
    core = house(activation="optional")
    user = await register(core)
    assert (user.state, user.email_confirmed) == ("active", False)
    await sign_in(core)
    assert await delivered(core) == [("activation", "ann@example.org")]


async def test_where_activation_is_off_a_newcomer_is_active_and_not_mailed() -> None:
    core = house(activation="off")
    assert (await register(core)).state == "active"
    await sign_in(core)
    assert await delivered(core) == []


@pytest.mark.parametrize(
    ("activation", "kinds"), [("off", ["confirmation"]), ("optional", ["activation"]), ("required", ["activation"])]
)
async def test_the_confirmation_takes_the_place_of_an_activation_only(activation: str, kinds: list[str]) -> None:
    core = house(activation=activation, send_confirmation_email=True)
    await register(core)
    assert [kind for kind, _ in await delivered(core)] == kinds


async def test_what_is_returned_is_what_is_stored() -> None:
    core = house()
    user = await register(core)
    assert await now(core, user) == user
    assert user.created_at == core.clock.now()


async def test_a_name_is_stored_folded_and_an_address_with_its_domain_in_lower_case() -> None:
    core = house()
    new = SignUp(username="\uff21nn", email="Ann@EXAMPLE.org", password=PASSWORD)
    user = await core.registration.register(new, LAPTOP)
    assert (user.username, user.email) == ("Ann", "Ann@example.org")


async def test_nobody_needs_a_name() -> None:
    core = house(activation="off")
    user = await core.registration.register(SignUp(email="ann@example.org", password=PASSWORD), LAPTOP)
    assert user.username is None
    await sign_in(core, "ann@example.org")


async def test_the_password_is_kept_as_a_hash_and_shown_nowhere() -> None:
    core = house()
    user = await register(core)
    assert PASSWORD not in user.password_hash
    shown = repr([NEW, user, core.journal.facts, core.mailer.letters])
    assert PASSWORD not in shown
    assert user.password_hash not in shown
    assert user.stamp not in shown


async def test_every_account_has_a_stamp_of_its_own() -> None:
    core = house()
    assert (await register(core)).stamp != (await register(core, "bob")).stamp


@pytest.mark.parametrize(
    ("username", "email", "fields"),
    [
        ("ANN", "new@example.org", ["username"]),
        ("\uff41nn", "new@example.org", ["username"]),
        ("new", "ANN@Example.Org", ["email"]),
        ("Ann", "ann@example.ORG", ["username", "email"]),
    ],
)
async def test_what_is_taken_is_named_in_any_spelling(username: str, email: str, fields: list[str]) -> None:
    core = house()
    await register(core)
    await core.deliver()
    new = SignUp(username=username, email=email, password=PASSWORD)
    with pytest.raises(AlreadyTaken) as refusal:
        await core.registration.register(new, LAPTOP)
    assert list(refusal.value.problems) == [Problem(field, "taken") for field in fields]
    assert await delivered(core) == []


async def test_all_fields_at_fault_are_named_together_with_those_seen_before() -> None:
    core = house()
    await make(core, "bob")
    seen = [Problem("password", "blank")]
    new = SignUp(username="a b", email="bob@example.org")
    with pytest.raises(InvalidInput) as refusal:
        await core.registration.register(new, LAPTOP, found=seen)
    assert set(refusal.value.problems) == {
        Problem("password", "blank"),
        Problem("username", "username_characters"),
        Problem("email", "taken"),
    }
    assert not isinstance(refusal.value, AlreadyTaken)


async def test_an_address_and_a_password_are_needed() -> None:
    missing = await problems_of(house().registration.register(SignUp(username="ann"), LAPTOP))
    assert missing == [Problem("email", "required"), Problem("password", "required")]


async def test_a_password_is_judged_for_the_person_once_the_fields_are_right() -> None:
    core = house()
    weak = replace(NEW, password="12345", retyped="54321")
    assert await problems_of(core.registration.register(weak, LAPTOP)) == [
        Problem("password", "password_short", "8"),
        Problem("password", "password_common"),
        Problem("password", "password_numeric"),
    ]
    alike = replace(NEW, password="annexample.org")
    assert await problems_of(core.registration.register(alike, LAPTOP)) == [
        Problem("password", "password_similar", "email")
    ]
    both = replace(weak, username="a b")
    assert await problems_of(core.registration.register(both, LAPTOP)) == [Problem("username", "username_characters")]


async def test_a_retype_is_compared_after_the_passwords_strength() -> None:
    typo = replace(NEW, retyped=PASSWORD + " ")
    assert await problems_of(house().registration.register(typo, LAPTOP)) == [Problem("", "mismatch", "password")]
    await house().registration.register(replace(NEW, retyped=PASSWORD), LAPTOP)


async def test_a_refusal_leaves_nothing() -> None:
    core = house()
    await problems_of(core.registration.register(replace(NEW, retyped="another"), LAPTOP))
    assert await core.users.page() == []
    assert await delivered(core) == []
    assert core.journal.facts == []


async def test_of_many_who_want_one_name_one_gets_it_and_one_is_mailed() -> None:
    core = house()

    async def register_as_ann(number: int) -> User:
        return await core.registration.register(replace(NEW, email=f"n{number}@example.org"), LAPTOP)

    assert await at_once(register_as_ann) == {"done": 1, "AlreadyTaken": 19}
    (winner,) = await core.users.page()
    assert await delivered(core) == [("activation", winner.email)]


async def test_whoever_loses_a_race_is_told_every_field_that_is_taken() -> None:
    core = house()
    lost: list[tuple[Problem, ...]] = []

    async def register_as_ann(_: int) -> None:
        try:
            await core.registration.register(NEW, LAPTOP)
        except AlreadyTaken as refusal:
            lost.append(refusal.problems)
            raise

    assert await at_once(register_as_ann, 2) == {"done": 1, "AlreadyTaken": 1}
    assert lost == [(Problem("username", "taken"), Problem("email", "taken"))]


async def test_a_registration_is_noted_once() -> None:
    core = house()
    user = await register(core)
    (fact,) = core.journal.facts
    assert (fact.what, fact.user_id, fact.address, fact.agent) == ("registered", user.id, "192.0.2.1", "laptop")


async def test_the_link_is_mailed_again_to_whoever_still_waits_and_to_nobody_else() -> None:
    core = house()
    await register(core, "waiting")
    await make(core, "active")
    shut_out = await register(core, "out")
    await core.people.deactivate("out")
    await core.deliver()
    for address in ("Waiting@example.org", "active@example.org", "out@example.org", "nobody@example.org"):
        await core.registration.resend(address, LAPTOP)
    (letter,) = await core.deliver()
    assert (letter.kind, letter.to) == ("activation", "waiting@example.org")
    assert (letter.address, letter.agent) == ("192.0.2.1", "laptop")
    assert (await now(core, shut_out)).state == "deactivated"


async def test_asking_again_writes_the_same_for_every_address() -> None:
    core = house()
    await make(core)
    await core.registration.resend("ann@example.org", LAPTOP)
    await core.registration.resend("nobody@example.org", LAPTOP)
    known, unknown = await core.post.claim()
    assert replace(known.mail, to="") == replace(unknown.mail, to="")
    assert known.mail.user_id is None


@pytest.mark.parametrize("email", ["", "ann", "ann@example.org,eve@example.org", "ann@\ud800.org", "\x00"])
async def test_text_that_can_be_nobodys_address_is_not_mailed(email: str) -> None:
    core = house()
    assert await problems_of(core.registration.resend(email, LAPTOP)) == [Problem("email", "email_form")]
    assert await core.post.claim() == []


async def test_where_addresses_are_not_confirmed_there_is_nothing_to_mail_again() -> None:
    core = house(activation="off")
    with pytest.raises(ActivationOff):
        await core.registration.resend("ann@example.org", LAPTOP)
