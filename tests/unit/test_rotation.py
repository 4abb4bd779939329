"""Judging tokens, and what a refresh means."""

from typing import Any

import pytest
from msgspec.structs import replace

from auth_service.domain.errors import TokenFault, TokenRejected
from auth_service.domain.model import Claims, Session, TokenType, User
from auth_service.domain.policy import Policy
from auth_service.domain.rotation import Known, decide_refresh, judge, refuse_unless_in_force

NOW = 1_000.5
GOOD = Claims(token_type="access", exp=2_000, iat=1_000, jti="a" * 32, user_id="14", sid="s1")


def judged(expects: TokenType | None = "access", /, **changes: Any) -> Known:  # noqa: ANN401 - claims may be anything
    """Judge a good token but for the changes."""
    return judge(replace(GOOD, **changes), NOW, expects=expects)


def test_a_good_token_says_who_and_how_long() -> None:
    assert judged() == Known(14, "a" * 32, "s1", 1_000.0, 2_000.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": None}, "no_expiry"),
        ({"exp": 1_000}, "expired"),
        ({"exp": 1_000.5}, "expired"),
        ({"exp": 0}, "expired"),
        ({"exp": "2000"}, "invalid"),
        ({"exp": True}, "invalid"),
        ({"exp": -1}, "invalid"),
        ({"exp": float("nan")}, "invalid"),
        ({"exp": float("inf")}, "invalid"),
        ({"exp": 10**12}, "invalid"),
        ({"exp": 10**400}, "invalid"),
        ({"exp": [2_000]}, "invalid"),
        ({"iat": 1_001}, "invalid"),
        ({"iat": "1000"}, "invalid"),
        ({"iat": False}, "invalid"),
        ({"nbf": 1_001}, "invalid"),
        ({"nbf": {}}, "invalid"),
        ({"jti": None}, "no_id"),
        ({"jti": ""}, "invalid"),
        ({"jti": 7}, "invalid"),
        ({"jti": "a" * 256}, "invalid"),
        ({"jti": "a\x00"}, "invalid"),
        ({"jti": "\ud800"}, "invalid"),
        ({"sid": ""}, "invalid"),
        ({"sid": "s" * 256}, "invalid"),
        ({"sid": "s\x00"}, "invalid"),
        ({"sid": "\ud800"}, "invalid"),
        ({"token_type": None}, "no_type"),
        ({"token_type": "refresh"}, "wrong_type"),
        ({"token_type": "ACCESS"}, "wrong_type"),
        ({"token_type": ["access"]}, "wrong_type"),
        ({"user_id": None}, "no_user"),
    ],
)
def test_a_claim_that_is_missing_odd_or_out_of_date_is_refused(changes: dict[str, Any], reason: TokenFault) -> None:
    with pytest.raises(TokenRejected) as refusal:
        judged(**changes)
    assert refusal.value.reason == reason


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1_000.75},
        {"exp": 253_402_300_799},
        {"iat": None},
        {"iat": 1_000.5},
        {"nbf": 1_000},
        {"jti": "x"},
        {"jti": "a" * 255},
        {"sid": None},
        {"sid": 7},
    ],
)
def test_what_honest_issuers_write_is_accepted(changes: dict[str, Any]) -> None:
    assert judged(**changes).user_id == 14


@pytest.mark.parametrize(
    ("worst", "reason"),
    [
        (["iat", "exp", "jti", "token_type", "user_id"], "invalid"),
        (["exp", "jti", "token_type", "user_id"], "no_expiry"),
        (["jti", "token_type", "user_id"], "no_id"),
        (["token_type", "user_id"], "no_type"),
    ],
)
def test_of_several_faults_the_first_counts(worst: list[str], reason: TokenFault) -> None:
    with pytest.raises(TokenRejected) as refusal:
        judged("access", **{claim: "odd" if claim == "iat" else None for claim in worst})
    assert refusal.value.reason == reason


def test_expiry_is_told_before_the_type() -> None:
    with pytest.raises(TokenRejected) as refusal:
        judged(exp=1, token_type="refresh")
    assert refusal.value.reason == "expired"


@pytest.mark.parametrize("token_type", ["access", "refresh", "sliding", None, 7])
def test_where_no_type_is_expected_any_will_do(token_type: object) -> None:
    assert judged(None, token_type=token_type).user_id == 14


@pytest.mark.parametrize(
    ("claim", "user_id"),
    [
        ("14", 14),
        (14, 14),
        ("0", 0),
        (-5, -5),
        ("-5", None),
        ("14.0", None),
        (14.0, None),
        (True, None),
        ("", None),
        ("ann", None),
        ("\u0661", None),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, None),
        (10**400, None),
        ([14], None),
    ],
)
def test_a_user_id_is_a_number_or_its_digits(claim: object, user_id: int | None) -> None:
    assert judged(user_id=claim).user_id == user_id


SESSION = Session(
    id="s1",
    user_id=14,
    kind="jwt",
    created_at=0.0,
    last_seen_at=0.0,
    expires_at=2_000.0,
    refresh_id="live",
    spent_refresh_id="spent",
    rotated_at=990.5,
)


@pytest.mark.parametrize(
    ("session", "token_id", "grace", "verdict"),
    [
        (SESSION, "live", 10.0, "live"),
        (SESSION, "spent", 10.0, "retry"),
        (SESSION, "spent", 9.9, "reused"),
        (SESSION, "older", 10.0, "reused"),
        (SESSION, "", 10.0, "reused"),
        (replace(SESSION, spent_refresh_id=None, rotated_at=None), "spent", 10.0, "reused"),
        (replace(SESSION, refresh_revoked=True), "live", 10.0, "revoked"),
        (replace(SESSION, refresh_revoked=True), "spent", 10.0, "revoked"),
        (replace(SESSION, kind="opaque", refresh_id=None), "live", 10.0, "revoked"),
    ],
)
def test_what_presenting_a_refresh_token_means(session: Session, token_id: str, grace: float, verdict: str) -> None:
    assert decide_refresh(session, token_id, NOW, grace=grace) == verdict


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
    tokens_from=1_000.0,
)


@pytest.mark.parametrize(
    ("user", "session", "issued", "reason"),
    [
        (ANN, SESSION, 1_000, None),
        (ANN, None, 1_000, None),
        (ANN, None, 999, "revoked"),
        (ANN, None, None, "revoked"),
        (replace(ANN, tokens_from=0.0), None, None, None),
        (ANN, SESSION, 999, None),
        (ANN, replace(SESSION, expires_at=NOW), 1_000, "revoked"),
        (ANN, replace(SESSION, expires_at=None), 1_000, None),
        (replace(ANN, state="pending"), SESSION, 1_000, "user_inactive"),
        (replace(ANN, state="deactivated"), None, 1_000, "user_inactive"),
        (replace(ANN, state="deactivated"), replace(SESSION, expires_at=0.0), 999, "user_inactive"),
    ],
)
def test_a_token_is_in_force_while_its_account_is_active_and_its_session_lives(
    user: User, session: Session | None, issued: float | None, reason: TokenFault | None
) -> None:
    known = judged(iat=issued)
    if reason is None:
        refuse_unless_in_force(user, session, known, NOW, Policy())
        return
    with pytest.raises(TokenRejected) as refusal:
        refuse_unless_in_force(user, session, known, NOW, Policy())
    assert refusal.value.reason == reason
