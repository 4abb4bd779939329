"""Where passwords known from thefts are refused: the operator's choice, and what older clients expect."""

from collections.abc import Sequence
from typing import Final, Literal

import pytest

from auth_service.adapters.memory.core import MemoryCore, memory_core
from auth_service.domain.errors import InvalidInput, Problem
from auth_service.domain.model import Caller
from auth_service.domain.policy import Policy
from auth_service.domain.registration import SignUp
from tests.unit.support import LAPTOP, PASSWORD, mailed_link, make, problems_of

STOLEN = "tugboat-captain"
NEW = SignUp(username="bob", email="bob@example.org", password=STOLEN)
Choice = Literal["native", "everywhere", "off"]


def house(choice: Choice) -> MemoryCore:
    return memory_core(Policy(breached_passwords=choice), breached_passwords={STOLEN})


REFUSED: Final[Sequence[tuple[Choice, bool]]] = [("native", False), ("everywhere", False), ("everywhere", True)]
TAKEN: Final[Sequence[tuple[Choice, bool]]] = [("native", True), ("off", False), ("off", True)]


@pytest.mark.parametrize(("choice", "compatible"), REFUSED)
async def test_no_way_to_choose_a_password_takes_a_stolen_one(choice: Choice, *, compatible: bool) -> None:
    core = house(choice)
    user = await make(core)
    await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
    uid, token = await mailed_link(core, "password_reset")

    registered = core.registration.register(NEW, LAPTOP, compatible=compatible)
    changed = core.credentials.change_password(Caller(user), PASSWORD, STOLEN, LAPTOP, compatible=compatible)
    by_link = core.credentials.confirm_password_reset(uid, token, STOLEN, LAPTOP, compatible=compatible)

    assert await problems_of(registered) == [Problem("password", "password_breached")]
    assert await problems_of(changed) == [Problem("new_password", "password_breached")]
    assert await problems_of(by_link) == [Problem("new_password", "password_breached")]


@pytest.mark.parametrize(("choice", "compatible"), TAKEN)
async def test_every_way_takes_one_where_nobody_looks(choice: Choice, *, compatible: bool) -> None:
    core = house(choice)
    await core.credentials.change_password(Caller(await make(core)), PASSWORD, STOLEN, LAPTOP, compatible=compatible)
    await core.credentials.request_reset("password_reset", "ann@example.org", LAPTOP)
    uid, token = await mailed_link(core, "password_reset")
    await core.credentials.confirm_password_reset(uid, token, STOLEN, LAPTOP, compatible=compatible)

    assert await core.registration.register(NEW, LAPTOP, compatible=compatible)
    assert await core.tokens.issue("ann", STOLEN, LAPTOP)


async def test_operators_are_told_too() -> None:
    with pytest.raises(InvalidInput) as refusal:
        await house("native").people.create(username="ann", email="ann@example.org", password=STOLEN, staff=False)
    assert list(refusal.value.problems) == [Problem("password", "password_breached")]
    assert await house("off").people.create(username="ann", email="ann@example.org", password=STOLEN, staff=False)
