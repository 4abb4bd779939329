"""Names and addresses that look like somebody else's, or like nothing at all."""

from collections.abc import Callable

import pytest

from tests.integration.wire.people import Person, newcomer
from tests.integration.wire.serving import Server, let_mail_come

from .acting import confirmed, registered

# How the letters of "ann" and "1x" are written by whoever wants to pass for their owner.
TWINS: dict[str, Callable[[str], str]] = {
    "capitals": str.upper,
    "full width": lambda name: "".join(chr(ord(sign) + 0xFEE0) for sign in name),
    "mathematical": lambda name: name.replace("a", "\U0001d41a"),
    "a Cyrillic a": lambda name: name.replace("a", "\u0430"),
    "blanks around": lambda name: f"  {name}\t",
    "an invisible join": lambda name: f"{name[0]}\u200d{name[1:]}",
    "a soft hyphen": lambda name: f"{name[0]}\u00ad{name[1:]}",
    "turned around": lambda name: f"\u202e{name[::-1]}",
    "a Hangul filler": lambda name: f"{name}\u3164",
    "a byte order mark": lambda name: f"\ufeff{name}",
    "a variation selector": lambda name: f"{name}\ufe0f",
}


@pytest.mark.parametrize("about", TWINS)
def test_nobody_is_called_like_somebody_else(either: Server, about: str) -> None:
    ann = confirmed(either)
    twin = TWINS[about](ann.username)
    for path in ("/auth/users/", "/api/register"):
        answer = either.client.post(path, json={**newcomer().sign_up, "username": twin})
        if about == "a variation selector" and answer.status_code == 201:
            pytest.fail("an invisible mark makes another name")
        assert answer.status_code in {400, 409, 422}, (path, answer.text)
    # Nor does that spelling sign in as somebody it is not.
    attempt = {"username": twin, "password": "eve-vK8-password"}
    assert either.client.post("/api/login", json=attempt).status_code == 401


@pytest.mark.parametrize(
    ("sign", "twin"),
    [
        *(("k", "\u212a"), ("s", "\u017f"), ("i", "\u0131"), ("i", "\u0130"), ("a", "\uff41"), ("a", "\u0430")),
        *(("ss", "\u00df"), ("fi", "\ufb01"), ("e", "e\u0301"), ("x", "x\u200b"), ("x", "\u00adx")),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("part", ["before", "after"])
def test_no_mail_goes_to_a_look_alike_of_an_address(either: Server, sign: str, twin: str, part: str) -> None:
    tag = newcomer().username

    def spelled(letters: str) -> str:
        return f"{letters}{tag}@example.org" if part == "before" else f"{tag}@{letters}ample.org"

    ann = confirmed(either, Person(tag, spelled(sign)))
    for path in ("/auth/users/reset_password/", "/api/reset_password", "/auth/users/reset_username/"):
        assert either.client.post(path, json={"email": spelled(twin)}).status_code in {200, 204, 400, 422}
    assert either.client.post("/api/login", json={"email": spelled(twin), "password": ann.password}).status_code in {
        401,
        422,
    }
    let_mail_come(either)
    assert [mail.to for mail in either.mailbox.holding(tag)] == [ann.email]


def test_mail_goes_to_the_address_on_record_however_it_was_asked_for(either: Server) -> None:
    tag = newcomer().username
    ann = Person(tag, f"{tag.title()}@EXAMPLE.org")
    registered(either, ann)
    either.client.post("/auth/users/reset_password/", json={"email": f"{tag.upper()}@Example.ORG"}).raise_for_status()
    let_mail_come(either)
    on_record = f"{tag.title()}@example.org"
    assert [mail.to for mail in either.mailbox.holding(tag)] == [on_record, on_record]
    assert ann.email != on_record
