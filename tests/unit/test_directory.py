"""The directory: staff find people and see all of them but secrets; for anybody else nothing is there."""

from collections.abc import Awaitable, Callable

import pytest
from msgspec.structs import asdict, replace

from auth_service.adapters.memory.core import MemoryCore
from auth_service.domain.directory import Asked
from auth_service.domain.errors import NotFound, Problem
from auth_service.domain.model import Caller

from .support import LAPTOP, PHONE, calling, house, make, problems_of, put, register, sign_in

Doing = Callable[[MemoryCore, Caller], Awaitable[object]]
LOOKS: dict[str, Doing] = {
    "find": lambda core, who: core.directory.find(who, Asked(), LAPTOP),
    "show": lambda core, who: core.directory.show(who, 1, LAPTOP),
    "sessions": lambda core, who: core.directory.sessions_of(who, 1, LAPTOP),
    "facts": lambda core, who: core.directory.facts_about(who, 1, None, LAPTOP),
}


async def staffed() -> tuple[MemoryCore, Caller]:
    """Build a service, and be its member of staff."""
    core = house()
    await make(core, "boss", staff=True)
    return core, await calling(core, "boss")


async def found(core: MemoryCore, boss: Caller, **asked: str) -> list[str | None]:
    """Return the names of who is found."""
    return [user.username for user in (await core.directory.find(boss, Asked(**asked), LAPTOP)).users]


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
async def test_whoever_is_no_staff_finds_nothing_and_is_noted(look: Doing) -> None:
    core, boss = await staffed()
    await make(core)
    ann = await calling(core)
    core.journal.facts.clear()
    with pytest.raises(NotFound) as refused:
        await look(core, ann)
    # Nothing that a caller who may know would not be told.
    assert not refused.value.certain
    assert [(fact.what, fact.user_id, fact.why) for fact in core.journal.facts] == [
        ("administration_refused", ann.user.id, "not theirs")
    ]
    for state in ("pending", "deactivated"):
        with pytest.raises(NotFound):
            await look(core, replace(boss, user=replace(boss.user, state=state)))
    await look(core, boss)


async def test_people_are_found_by_name_address_id_and_what_they_are() -> None:
    core, boss = await staffed()
    await make(core, "ann")
    await register(core, "joanna")
    await make(core, "mia", staff=True)
    assert await found(core, boss) == ["mia", "joanna", "ann", "boss"]
    assert await found(core, boss, q="ANN") == ["joanna", "ann"]
    assert await found(core, boss, q=" mia@EXAMPLE ") == ["mia"]
    assert await found(core, boss, q="2") == ["ann"]
    assert await found(core, boss, q="_") == []
    assert await found(core, boss, state="pending") == ["joanna"]
    assert await found(core, boss, staff="true") == ["mia", "boss"]
    assert await found(core, boss, confirmed="false") == ["joanna"]
    assert await found(core, boss, q="ann", confirmed="true", staff="false", state="active") == ["ann"]


async def test_pages_follow_each_other_whoever_comes_and_goes() -> None:
    core, boss = await staffed()
    for number in range(6):
        await make(core, f"n{number}")
    first = await core.directory.find(boss, Asked(limit="3"), LAPTOP)
    assert [user.username for user in first.users] == ["n5", "n4", "n3"]
    await make(core, "late")
    await core.people.delete("n3")
    second = await core.directory.find(boss, Asked(limit="3", before=str(first.next)), LAPTOP)
    assert [user.username for user in second.users] == ["n2", "n1", "n0"]
    third = await core.directory.find(boss, Asked(limit="3", before=str(second.next)), LAPTOP)
    assert ([user.username for user in third.users], third.next) == (["boss"], None)


async def test_a_last_page_that_is_full_says_that_it_is_the_last() -> None:
    core, boss = await staffed()
    await make(core)
    assert (await core.directory.find(boss, Asked(limit="2"), LAPTOP)).next is None
    assert (await core.directory.find(boss, Asked(limit="1"), LAPTOP)).next == 2


@pytest.mark.parametrize("odd", ["", "0", "-1", "+1", "1.0", "abc", "\u0661", "1e3", " 1", str(10**30), "9" * 5_000])
async def test_what_is_no_number_in_bounds_is_named(odd: str) -> None:
    core, boss = await staffed()
    asked = Asked(limit=odd, before=odd)
    assert await problems_of(core.directory.find(boss, asked, LAPTOP)) == [
        Problem("before", "no_place"),
        Problem("limit", "out_of_range", "100"),
    ]
    assert await problems_of(core.directory.facts_about(boss, 1, odd, LAPTOP)) == [
        Problem("limit", "out_of_range", "100")
    ]


async def test_all_that_is_wrong_with_a_question_is_named_together() -> None:
    core, boss = await staffed()
    asked = Asked(q="\0" * 321, state="foo", staff="yes", confirmed="", before=str(2**63), limit="101")
    assert [(each.field, each.code) for each in await problems_of(core.directory.find(boss, asked, LAPTOP))] == [
        ("q", "too_long"),
        ("q", "null_character"),
        ("state", "not_a_choice"),
        ("staff", "not_a_choice"),
        ("confirmed", "not_a_choice"),
        ("before", "no_place"),
        ("limit", "out_of_range"),
    ]


async def test_an_entry_holds_the_sign_ins_that_count_and_what_happened_lately() -> None:
    core, boss = await staffed()
    ann = await make(core)
    core.clock.advance(5)
    await sign_in(core)
    core.clock.advance(5)
    await core.tokens.issue_opaque("ann", "correct horse battery", PHONE)
    entry = await core.directory.show(boss, ann.id, LAPTOP)
    assert entry.user.username == "ann"
    assert [(each.kind, each.agent) for each in entry.sessions] == [("opaque", "phone"), ("jwt", "laptop")]
    assert [fact.what for fact in entry.facts] == ["signed_in", "signed_in", "created"]
    assert entry.facts[0].at == entry.facts[2].at + 10
    core.clock.advance(core.policy.session_lifetime)
    assert [each.kind for each in await core.directory.sessions_of(boss, ann.id, LAPTOP)] == ["opaque"]


async def test_what_was_noted_of_an_account_outlives_it() -> None:
    core, boss = await staffed()
    ann = await make(core)
    await core.people.delete("ann")
    assert [fact.what for fact in await core.directory.facts_about(boss, ann.id, None, LAPTOP)] == [
        "deleted",
        "created",
    ]
    assert [fact.what for fact in await core.directory.facts_about(boss, ann.id, "1", LAPTOP)] == ["deleted"]
    with pytest.raises(NotFound):
        await core.directory.show(boss, ann.id, LAPTOP)


@pytest.mark.parametrize("user_id", [None, 0, -1, 99, 2**63, 10**30])
async def test_nobody_is_not_found(user_id: int | None) -> None:
    core, boss = await staffed()
    for doing in (
        core.directory.show(boss, user_id, LAPTOP),
        core.directory.sessions_of(boss, user_id, LAPTOP),
        core.directory.facts_about(boss, user_id, None, LAPTOP),
    ):
        with pytest.raises(NotFound):
            await doing


async def test_facts_hold_nothing_that_was_typed_and_no_secret() -> None:
    core, boss = await staffed()
    ann = await put(core, await make(core), pending_email="new@example.org")
    pair = await sign_in(core)
    told = repr([asdict(fact) for fact in (await core.directory.show(boss, ann.id, LAPTOP)).facts])
    assert all(secret not in told for secret in (pair.access, pair.refresh or "?", ann.stamp, ann.password_hash))
