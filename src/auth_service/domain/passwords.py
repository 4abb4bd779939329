"""What makes a password acceptable: pure rules, all failing ones named together."""

import re
from collections.abc import Container

from auth_service.domain.errors import Problem

SHORTEST = 8
LONGEST = 1024
_TOO_SIMILAR = 0.7
_NOT_WORD = re.compile(r"\W+")


def judge_password(
    password: str,
    *,
    common: Container[str],
    breached: Container[str] = (),
    username: str | None,
    email: str | None,
    field: str = "password",
) -> list[Problem]:
    """Return what is wrong with a password for the person it is meant for.

    `common` are those that are tried first, `breached` more of those that are known from thefts elsewhere.
    """
    problems = []
    if about := _resembles(password, username, email):
        problems.append(Problem(field, "password_similar", about))
    if len(password) < SHORTEST:
        problems.append(Problem(field, "password_short", str(SHORTEST)))
    if len(password) > LONGEST:
        problems.append(Problem(field, "too_long", str(LONGEST)))
    if password.lower().strip() in common:
        problems.append(Problem(field, "password_common"))
    elif password.lower().strip() in breached:
        problems.append(Problem(field, "password_breached"))
    if password.isdigit():
        problems.append(Problem(field, "password_numeric"))
    return problems


def judge_retype(text: str, retyped: str | None, *, what: str) -> list[Problem]:
    """Return the mismatch, where something was typed twice and differs."""
    return [] if retyped is None or retyped == text else [Problem("", "mismatch", what)]


def _resembles(password: str, username: str | None, email: str | None) -> str:
    """Return which of the two the password is too close to, or nothing."""
    lowered = password[:LONGEST].lower()
    for about, value in (("username", username), ("email", email)):
        if value and any(_similar(lowered, part) for part in (*_NOT_WORD.split(value.lower()), value.lower())):
            return about
    return ""


def _similar(password: str, part: str) -> bool:
    # Far shorter than the password: no ratio can be reached, and comparing costs time that a caller chooses.
    if len(password) >= 10 * len(part) and len(part) < _TOO_SIMILAR / 2 * len(password):
        return False
    # Django's measure, which is difflib's quick ratio: how many letters the two share, wherever they stand.
    shared = sum(min(password.count(letter), part.count(letter)) for letter in set(part))
    return 2 * shared >= _TOO_SIMILAR * (len(password) + len(part))
