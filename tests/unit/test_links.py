"""Mailed links: one purpose, one account, one address, for a while."""

import re
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from auth_service.adapters.memory.crypto import HmacLinkSigner
from auth_service.domain.links import (
    decode_uid,
    encode_uid,
    fingerprint,
    is_spent,
    judge_link,
    make_link,
)
from auth_service.domain.model import LinkPurpose, User

SIGNER = HmacLinkSigner(b"a key")
NOW = 1_700_000_000.75
HOUR = 3_600.0
ANN = User(
    id=14,
    username="ann",
    email="ann@example.org",
    password_hash="hash",
    state="active",
    email_confirmed=True,
    is_staff=False,
    stamp="stamp",
    created_at=0.0,
    signed_in_at=1.1,
)


def genuine(token: str, user: User = ANN, purpose: LinkPurpose = "password_reset", **changes: Any) -> bool:  # noqa: ANN401 - any argument of judge_link
    """Judge a token as a reset of Ann's at the time it was made, but for the changes."""
    arguments = {"address": user.email, "signer": SIGNER, "now": NOW, "lifetime": HOUR, **changes}
    return judge_link(purpose, user, token=token, **arguments) == "genuine"


TOKEN = make_link("password_reset", ANN, ANN.email, NOW, SIGNER).token


@pytest.mark.parametrize("purpose", get_args(LinkPurpose))
def test_a_link_is_good_for_what_it_was_made_for(purpose: LinkPurpose) -> None:
    link = make_link(purpose, ANN, ANN.email, NOW, SIGNER)
    assert link.uid == "MTQ"
    assert re.fullmatch(r"[0-9a-z]+-[0-9a-f]{32}", link.token)
    assert int(link.token.split("-")[0], 36) == int(NOW)
    assert [other for other in get_args(LinkPurpose) if genuine(link.token, purpose=other)] == [purpose]


@pytest.mark.parametrize(
    "changed",
    [
        replace(ANN, id=15),
        replace(ANN, stamp="another"),
        replace(ANN, email="ann@example.net"),
        replace(ANN, signed_in_at=1.2),
    ],
)
def test_a_reset_link_dies_with_what_it_was_made_over(changed: User) -> None:
    assert not genuine(TOKEN, changed)


@pytest.mark.parametrize(
    "changed",
    [replace(ANN, username="bob"), replace(ANN, pending_email="new@example.org"), replace(ANN, version=9)],
)
def test_a_reset_link_outlives_everything_else(changed: User) -> None:
    assert genuine(TOKEN, changed)


def test_an_activation_link_outlives_a_sign_in() -> None:
    token = make_link("activation", ANN, ANN.email, NOW, SIGNER).token
    assert genuine(token, replace(ANN, signed_in_at=99.0), "activation")


def test_a_link_is_for_the_address_it_was_mailed_to() -> None:
    token = make_link("activation", ANN, "new@example.org", NOW, SIGNER).token
    assert genuine(token, purpose="activation", address="new@example.org")
    assert not genuine(token, purpose="activation")


def test_only_our_key_makes_our_links() -> None:
    assert not genuine(TOKEN, signer=HmacLinkSigner(b"another key"))


@pytest.mark.parametrize(
    ("age", "good"), [(-2.0, False), (-1.0, True), (0.0, True), (HOUR - 1.0, True), (HOUR + 1.0, False)]
)
def test_a_link_lives_as_long_as_it_is_told(age: float, *, good: bool) -> None:
    assert genuine(TOKEN, now=NOW + age) is good


@pytest.mark.parametrize(
    "token",
    [
        "",
        "-",
        TOKEN[:-1],
        TOKEN + "0",
        TOKEN.upper(),
        "0" + TOKEN,
        " " + TOKEN,
        TOKEN + "\n",
        TOKEN.replace("-", "_"),
        TOKEN.replace("-", "--"),
        TOKEN.split("-")[0],
        TOKEN.split("-")[1],
        "-" + TOKEN.split("-")[1],
        "zzzzzzzzzzzzz-" + TOKEN.split("-")[1],
        "é-" + TOKEN.split("-")[1],
        TOKEN.split("-")[0] + "-é",
        TOKEN.split("-")[0] + "-\ud800",
        "\x00",
        "x" * 60_000,
    ],
)
def test_a_token_has_one_spelling(token: str) -> None:
    assert not genuine(token)


@given(st.integers(min_value=0, max_value=2**63 - 1))
def test_every_id_goes_into_a_link_and_comes_back(user_id: int) -> None:
    assert decode_uid(encode_uid(user_id)) == user_id


@pytest.mark.parametrize(
    "uid",
    [
        "",
        "=",
        "M",
        "MTQ=",
        "MTQ==",
        " MTQ",
        "MTQ\n",
        "MT Q",
        "!!!!",
        "é",
        "\ud800",
        "\x00",
        encode_uid(14) + "A",
        "LTE",  # -1
        "MDE0",  # 014
        "MS41",  # 1.5
        "YWJj",  # abc
        "2aE",  # a digit of another script
        "_____w",
        encode_uid(2**63),
        encode_uid(10**28),
        "M" * 60_000,
    ],
)
def test_text_that_we_would_not_have_written_is_no_uid(uid: str) -> None:
    assert decode_uid(uid) is None


def test_a_spent_link_is_known_again_and_kept_as_a_hash() -> None:
    user = replace(ANN, used_link=fingerprint("activation", TOKEN))
    assert is_spent("activation", user, TOKEN)
    assert not is_spent("activation", user, TOKEN + "0")
    assert not is_spent("password_reset", user, TOKEN)
    assert not is_spent("activation", ANN, "")
    assert not is_spent("activation", user, "\ud800")
    assert TOKEN not in user.used_link
