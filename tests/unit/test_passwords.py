"""What makes a password acceptable."""

import pytest

from auth_service.domain.errors import Problem
from auth_service.domain.passwords import judge_password, judge_retype

COMMON = frozenset({"password1", "qwertyuiop", "12345", "abc", "passwort1ü"})

SHORT = Problem("password", "password_short", "8")
COMMON_ONE = Problem("password", "password_common")
NUMERIC = Problem("password", "password_numeric")
LIKE_NAME = Problem("password", "password_similar", "username")
LIKE_EMAIL = Problem("password", "password_similar", "email")


def judged(password: str, username: str | None = None, email: str | None = None) -> list[Problem]:
    """Judge with a short list of common passwords."""
    return judge_password(password, common=COMMON, username=username, email=email)


@pytest.mark.parametrize(
    "password",
    ["correct horse", "tüchtig名前!", "😀" * 8, "a" * 1024, "1234567a", "        ", "\x00" * 8, "%s{{7*7}}"],
)
def test_any_eight_characters_that_nobody_guesses_are_a_password(password: str) -> None:
    assert judged(password, "ann", "ann@example.org") == []


@pytest.mark.parametrize(
    ("password", "problems"),
    [
        ("", [SHORT]),
        ("1234567a"[:7], [SHORT, NUMERIC]),
        ("seven77", [SHORT]),
        ("password1", [COMMON_ONE]),
        ("PassWord1", [COMMON_ONE]),
        ("PASSWORT1Ü", [COMMON_ONE]),
        ("1234567890123", [NUMERIC]),
        ("\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", [NUMERIC]),  # digits of another script
        ("12345", [SHORT, COMMON_ONE, NUMERIC]),
        ("abc", [SHORT, COMMON_ONE]),
        ("a" * 1025, [Problem("password", "too_long", "1024")]),
        ("9" * 1025, [Problem("password", "too_long", "1024"), NUMERIC]),
    ],
)
def test_all_that_is_wrong_is_named_in_order(password: str, problems: list[Problem]) -> None:
    assert judged(password) == problems


@pytest.mark.parametrize(
    ("password", "username", "email", "problem"),
    [
        ("testuser", "testuser", None, LIKE_NAME),
        ("TestUser", "TESTUSER", None, LIKE_NAME),
        ("testuser1", "testuser", None, LIKE_NAME),
        ("resutset", "testuser", None, LIKE_NAME),  # the same letters in another order
        ("smith1234", "smith", None, LIKE_NAME),  # 10 of 14
        ("abcdefg123456", "abcdefg", None, LIKE_NAME),  # 14 of 20, the limit itself
        ("smith1234", "ann.smith", None, LIKE_NAME),  # a part of the name
        ("smith1234", "ann+smith@home", None, LIKE_NAME),
        ("example1", "ann", "ann@example.org", LIKE_EMAIL),  # a part of the address
        ("ann@example.org", None, "ann@example.org", LIKE_EMAIL),
        ("ann.smith", "ann.smith", "ann.smith@example.org", LIKE_NAME),  # the first that fits
        ("名前名前名前名前", "名前名前名前名前", None, LIKE_NAME),
    ],
)
def test_a_password_like_the_name_or_address_is_refused(
    password: str, username: str | None, email: str | None, problem: Problem
) -> None:
    assert judged(password, username, email) == [problem]


@pytest.mark.parametrize(
    ("password", "username", "email"),
    [
        ("smith12345", "smith", None),  # 10 of 15
        ("abcdefg1234567", "abcdefg", None),  # 14 of 21
        ("ann and much more besides", "ann", "ann@example.org"),
        ("xyzzyxyzzy", "testuser", "ann@example.org"),
        ("testuser", None, None),
        ("a" * 1024, "a", "a@example.org"),
        ("correct horse", "@-+.", None),  # a name without any word
    ],
)
def test_a_password_that_only_touches_on_them_is_fine(password: str, username: str | None, email: str | None) -> None:
    assert judged(password, username, email) == []


def test_similarity_comes_first() -> None:
    assert judged("12345", "12345") == [LIKE_NAME, SHORT, COMMON_ONE, NUMERIC]


def test_the_field_is_the_one_it_was_typed_in() -> None:
    problems = judge_password("abc", common=COMMON, username=None, email=None, field="new_password")
    assert {problem.field for problem in problems} == {"new_password"}


def test_what_was_typed_twice_must_agree() -> None:
    assert judge_retype("one", "one", what="password") == []
    assert judge_retype("one", None, what="password") == []
    assert judge_retype("one", "One", what="password") == [Problem("", "mismatch", "password")]
    assert judge_retype("one", "", what="email") == [Problem("", "mismatch", "email")]


def test_a_stolen_password_is_refused_where_stolen_ones_are_looked_for() -> None:
    stolen = {"tugboat-captain", "password1"}
    known = Problem("password", "password_breached")

    assert judge_password("Tugboat-Captain ", common=COMMON, breached=stolen, username=None, email=None) == [known]
    assert judge_password("tugboat-captain", common=COMMON, username=None, email=None) == []


def test_a_common_password_is_told_once() -> None:
    judgement = judge_password("password1", common=COMMON, breached={"password1"}, username=None, email=None)
    assert judgement == [COMMON_ONE]
