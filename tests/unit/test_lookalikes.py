"""Names that pass for another's by letters of another script."""

import pytest

from auth_service.domain.errors import Problem
from auth_service.domain.lookalikes import taken_for
from auth_service.domain.registration import SignUp
from tests.unit.support import LAPTOP, PASSWORD, house, make, problems_of

TAKEN = [Problem("username", "taken")]


@pytest.mark.parametrize(
    ("twin", "read_as"),
    [
        ("p\u0430ypal", "paypal"),  # a Cyrillic a
        ("\u0410nn", "Ann"),  # a Cyrillic capital
        ("ann\u03bf", "anno"),  # a Greek o
        ("\u0570enry", "henry"),  # an Armenian h
        ("\u0440\u0430\u0443\u0440al", "paypal"),  # mostly Cyrillic
        ("\u0438\u0432a\u043d", "\u0438\u0432\u0430\u043d"),  # a Latin a in a Cyrillic name
    ],
)
def test_a_mixed_name_is_read_as_a_name_of_one_script(twin: str, read_as: str) -> None:
    assert read_as in taken_for(twin)


@pytest.mark.parametrize(
    "name",
    [
        "ann",
        "\u0438\u0432\u0430\u043d",
        "\u0440\u0430\u0443\u0440",
        "jos\u00e9",
        "\u6f22\u5b57ann",
        "ann.1@x",
        "\u03b1\u03bd\u03bd\u03b1",
    ],
)
def test_a_name_of_one_script_is_what_it_is(name: str) -> None:
    assert taken_for(name) == []


async def test_a_twin_of_somebody_is_refused_as_taken_however_one_comes_by_it() -> None:
    core = house()
    await make(core, "paypal")
    twin = SignUp(username="P\u0430ypal", email="eve@example.org", password=PASSWORD)
    assert await problems_of(core.registration.register(twin, LAPTOP)) == TAKEN

    operator = core.people.create(username="p\u0430ypal", email="eve@example.org", password=PASSWORD, staff=False)
    assert await problems_of(operator) == TAKEN


async def test_a_mixed_name_that_passes_for_nobody_is_taken() -> None:
    core = house()
    new = SignUp(username="p\u0430ypal", email="eve@example.org", password=PASSWORD)
    assert (await core.registration.register(new, LAPTOP)).username == "p\u0430ypal"
