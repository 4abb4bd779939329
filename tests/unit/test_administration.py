"""Administration: what staff do with the accounts of others, in whose name, and what they cannot do."""

from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import replace

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.domain.errors import BadCredentials, NotAllowed, NotFound, Problem, TooManyAttempts
from auth_service.domain.model import Caller, User
from auth_service.domain.policy import Policy

from .support import (
    ANOTHER,
    LAPTOP,
    at_once,
    calling,
    delivered,
    foreign,
    house,
    link_in,
    make,
    now,
    problems_of,
    put,
    register,
    rejected,
    sign_in,
)

Doing = Callable[[MemoryCore, Caller, int | None], Awaitable[object]]
DOINGS: dict[str, Doing] = {
    "activate": lambda core, who, whom: core.administration.activate(who, whom, LAPTOP),
    "deactivate": lambda core, who, whom: core.administration.deactivate(who, whom, LAPTOP),
    "resend": lambda core, who, whom: core.administration.resend_activation(who, whom, LAPTOP),
    "reset": lambda core, who, whom: core.administration.send_reset(who, whom, LAPTOP),
    "end session": lambda core, who, whom: core.administration.end_session(who, whom, "x", LAPTOP),
    "end sessions": lambda core, who, whom: core.administration.end_sessions(who, whom, LAPTOP),
    "delete": lambda core, who, whom: core.administration.delete(who, whom, str(whom), LAPTOP),
}


async def staffed(**choices: object) -> tuple[MemoryCore, Caller, User]:
    """Build a service with a member of staff, whom one is, and with Ann, who is signed in."""
    core = house(**choices)
    await make(core, "boss", staff=True)
    ann = await make(core)
    await sign_in(core)
    return core, await calling(core, "boss"), ann


async def objection(doing: Awaitable[object]) -> str:
    """Return why something is not allowed; it must not be."""
    with pytest.raises(NotAllowed) as refused:
        await doing
    return refused.value.reason


@pytest.mark.parametrize("do", DOINGS.values(), ids=DOINGS)
async def test_whoever_is_no_staff_can_do_nothing_to_anybody(do: Doing) -> None:
    core, boss, ann = await staffed()
    await make(core, "eve")
    eve = await calling(core, "eve")
    before, sessions = await now(core, ann), await core.sessions.of_user(ann.id)
    core.journal.facts.clear()
    shut_out = replace(boss, user=replace(boss.user, state="deactivated"))
    for caller, whom in ((eve, ann.id), (eve, eve.user.id), (eve, 99), (shut_out, ann.id)):
        with pytest.raises(NotFound) as refused:
            await do(core, caller, whom)
        assert not refused.value.certain
    assert (await now(core, ann), await core.sessions.of_user(ann.id)) == (before, sessions)
    assert await delivered(core) == []
    assert {fact.what for fact in core.journal.facts} == {"administration_refused"}


@pytest.mark.parametrize("do", DOINGS.values(), ids=DOINGS)
@pytest.mark.parametrize("whom", [None, 0, -1, 99, 2**63, 10**30])
async def test_nobody_is_not_found(do: Doing, whom: int | None) -> None:
    core, boss, _ = await staffed()
    with pytest.raises(NotFound):
        await do(core, boss, whom)


async def test_a_newcomer_is_let_in_and_their_address_is_as_unproven_as_before() -> None:
    core, boss, _ = await staffed()
    mia = await register(core, "mia")
    user = await core.administration.activate(boss, mia.id, LAPTOP)
    assert (user.state, user.email_confirmed, user.is_staff) == ("active", False, False)
    await sign_in(core, "mia")


async def test_shutting_somebody_out_ends_everything_they_were_given() -> None:
    core, boss, ann = await staffed()
    pair, elsewhere = await sign_in(core), foreign(core, ann)
    await core.administration.send_reset(boss, ann.id, LAPTOP)
    (letter,) = await core.deliver()
    core.clock.advance(5)
    assert (await core.administration.deactivate(boss, ann.id, LAPTOP)).state == "deactivated"
    with pytest.raises(BadCredentials):
        await sign_in(core)
    await core.administration.activate(boss, ann.id, LAPTOP)
    assert await rejected(core.tokens.identify(pair.access)) == "revoked"
    assert await rejected(core.tokens.identify(elsewhere)) == "revoked"
    assert letter.link is not None
    assert (await now(core, ann)).stamp != ann.stamp


async def test_nobody_shuts_out_or_deletes_themselves_but_staff_may_each_other() -> None:
    core, boss, _ = await staffed()
    me = boss.user
    core.journal.facts.clear()
    assert await objection(core.administration.deactivate(boss, me.id, LAPTOP)) == "oneself"
    assert await objection(core.administration.delete(boss, me.id, me.email, LAPTOP)) == "oneself"
    assert (await now(core, me)).state == "active"
    assert [(fact.what, fact.why) for fact in core.journal.facts] == [
        ("state_change_refused", "oneself"),
        ("deletion_refused", "oneself"),
    ]
    mia = await make(core, "mia", staff=True)
    assert (await core.administration.deactivate(boss, mia.id, LAPTOP)).is_staff


async def test_an_activation_goes_to_the_address_that_waits_for_its_proof() -> None:
    core, boss, ann = await staffed()
    mia = await register(core, "mia")
    await core.deliver()
    await core.administration.resend_activation(boss, mia.id, LAPTOP)
    (letter,) = await core.deliver()
    assert (letter.kind, letter.to, letter.address, letter.agent) == ("activation", "mia@example.org", "", "")
    await core.registration.activate(*link_in(letter), LAPTOP)
    assert (await now(core, mia)).state == "active"

    await put(core, ann, pending_email="new@example.org")
    await core.administration.resend_activation(boss, ann.id, LAPTOP)
    assert await delivered(core) == [("activation", "new@example.org")]


async def test_where_nothing_would_be_mailed_staff_are_told_why() -> None:
    core, boss, ann = await staffed()
    mia = await register(core, "mia")
    await core.deliver()
    resend, reset = core.administration.resend_activation, core.administration.send_reset
    assert await objection(resend(boss, ann.id, LAPTOP)) == "nothing_to_confirm"
    assert await objection(reset(boss, mia.id, LAPTOP)) == "not_active"
    await core.administration.deactivate(boss, mia.id, LAPTOP)
    assert await objection(resend(boss, mia.id, LAPTOP)) == "not_active"
    assert await delivered(core) == []
    core, boss, ann = await staffed(activation="off")
    await put(core, ann, email_confirmed=False)
    assert await objection(core.administration.resend_activation(boss, ann.id, LAPTOP)) == "nothing_to_confirm"


async def test_a_reset_from_staff_works_as_one_that_was_asked_for() -> None:
    core, boss, ann = await staffed()
    await core.administration.send_reset(boss, ann.id, LAPTOP)
    (letter,) = await core.deliver()
    assert (letter.kind, letter.to) == ("password_reset", "ann@example.org")
    # Where staff sit is not for the one who reads it.
    assert (letter.address, letter.agent) == ("", "")
    await sign_in(core)
    await core.credentials.confirm_password_reset(*link_in(letter), ANOTHER, LAPTOP)
    await sign_in(core, password=ANOTHER)


async def test_mail_is_counted_by_its_recipient_and_never_by_the_staff_who_send_it() -> None:
    core = memory_core(Policy(), throttled=True)
    await make(core, "boss", staff=True)
    boss = await calling(core, "boss")
    people = [await make(core, f"n{number}") for number in range(40)]
    for person in people:
        await core.administration.send_reset(boss, person.id, LAPTOP)
    for _ in range(4):
        await core.administration.send_reset(boss, people[0].id, LAPTOP)
    with pytest.raises(TooManyAttempts):
        await core.administration.send_reset(boss, people[0].id, LAPTOP)
    with pytest.raises(TooManyAttempts):
        await core.credentials.request_reset("password_reset", people[0].email, LAPTOP)


async def test_a_sign_in_is_ended_where_it_is_that_persons() -> None:
    core, boss, ann = await staffed()
    one, other = await calling(core), await calling(core)
    await core.administration.end_session(boss, ann.id, one.session_id or "", LAPTOP)
    assert other.session in await core.sessions.of_user(ann.id)
    assert one.session not in await core.sessions.of_user(ann.id)
    for session_id in (one.session_id, boss.session_id, "", "\0", "\ud800"):
        with pytest.raises(NotFound):
            await core.administration.end_session(boss, ann.id, session_id or "", LAPTOP)
    assert boss.session in await core.sessions.of_user(boss.user.id)


async def test_ending_all_sign_ins_voids_what_was_minted_elsewhere_too() -> None:
    core, boss, ann = await staffed()
    pair, elsewhere = await sign_in(core), foreign(core, ann)
    core.clock.advance(5)
    await core.administration.end_sessions(boss, ann.id, LAPTOP)
    for token in (pair.access, elsewhere):
        assert await rejected(core.tokens.identify(token)) == "revoked"
    assert await core.sessions.of_user(boss.user.id) != []
    await sign_in(core)


@pytest.mark.parametrize("confirm", ["2", " 2 ", "ann@example.org", "ANN@Example.ORG "])
async def test_an_account_is_deleted_by_whoever_repeats_its_address_or_id(confirm: str) -> None:
    core, boss, ann = await staffed()
    await core.administration.delete(boss, ann.id, confirm, LAPTOP)
    assert await core.users.by_id(ann.id) is None
    assert await core.sessions.of_user(ann.id) == []


@pytest.mark.parametrize(
    ("confirm", "code"),
    [
        *(
            (wrong, "not_confirmed")
            for wrong in ("ann", "boss@example.org", "1", "02", "2.0", "yes", "true", "@", "\0")
        ),
        *((missing, "required") for missing in (None, "")),
    ],
)
async def test_without_the_right_word_nobody_is_deleted(confirm: str | None, code: str) -> None:
    core, boss, ann = await staffed()
    doing = core.administration.delete(boss, ann.id, confirm, LAPTOP)
    assert await problems_of(doing) == [Problem("confirm", code)]
    assert await now(core, ann) == ann


async def test_a_word_that_could_not_be_read_confirms_nothing() -> None:
    core, boss, ann = await staffed()
    fault = Problem("confirm", "not_a_string")
    assert await problems_of(core.administration.delete(boss, ann.id, None, LAPTOP, found=[fault])) == [fault]
    assert await now(core, ann) == ann


async def test_of_many_who_delete_at_once_one_does() -> None:
    core, boss, ann = await staffed()
    outcomes = await at_once(lambda _: core.administration.delete(boss, ann.id, "2", LAPTOP))
    assert outcomes == {"done": 1, "NotFound": 19}


async def test_what_is_so_already_is_not_done_again() -> None:
    core, boss, ann = await staffed()
    core.journal.facts.clear()
    assert await core.administration.activate(boss, ann.id, LAPTOP) == ann
    assert core.journal.facts == []


async def test_every_change_is_noted_with_who_made_it_and_to_whom() -> None:
    core, boss, ann = await staffed()
    session = (await calling(core)).session_id or ""
    mia = await register(core, "mia")
    core.journal.facts.clear()
    office = core.administration
    await office.resend_activation(boss, mia.id, LAPTOP)
    await office.send_reset(boss, ann.id, LAPTOP)
    await office.end_session(boss, ann.id, session, LAPTOP)
    await office.end_sessions(boss, ann.id, LAPTOP)
    await office.deactivate(boss, ann.id, LAPTOP)
    await office.activate(boss, ann.id, LAPTOP)
    await office.delete(boss, ann.id, "2", LAPTOP)
    assert [(fact.what, fact.user_id) for fact in core.journal.facts] == [
        ("activation_requested", mia.id),
        ("password_reset_requested", ann.id),
        ("session_revoked", ann.id),
        ("all_sessions_revoked", ann.id),
        ("deactivated", ann.id),
        ("activated", ann.id),
        ("deleted", ann.id),
    ]
    assert {(fact.why, fact.address, fact.agent) for fact in core.journal.facts} == {
        (f"by staff {boss.user.id}", "192.0.2.1", "laptop")
    }
    assert [fact.session_id for fact in core.journal.facts].count(boss.session_id) == 6
    assert core.journal.facts[2].session_id == session
