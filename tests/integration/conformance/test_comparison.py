"""The comparison notices what differs, and lets pass only what may vary."""

import jwt
import pytest

from .comparison import agrees, same_methods
from .placeholders import MissingValue, fill

CLAIMS = {"token_type": "access", "user_id": "1", "jti": "x", "iat": 100, "exp": 1000}
KEY = "a key that is long enough for the signature"


def token(**changed: object) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    return jwt.encode(claims, KEY, algorithm="HS256")


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"id": "<int>"}, {"id": 7}),
        ({"auth_token": "<token>"}, {"auth_token": "0f3c"}),
        ({"detail": "JSON parse error - <why>"}, {"detail": "JSON parse error - line 1"}),
        ([{"email": "a@x.org"}], [{"email": "a@x.org"}]),
        ({"access": "<access 900>"}, {"access": token()}),
    ],
)
def test_values_of_the_expected_kind_agree(want: object, got: object) -> None:
    assert agrees(want, got, more_is_welcome=False, algorithm="HS256")


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"id": "<int>"}, {"id": "7"}),
        ({"id": "<int>"}, {"id": True}),
        ({"id": "<int>"}, {}),
        ({"auth_token": "<token>"}, {"auth_token": ""}),
        ({"detail": "JSON parse error - <why>"}, {"detail": "JSON parse error - "}),
        ({"detail": "Not found."}, {"detail": "Not found"}),
        ([{"email": "a@x.org"}], [{"email": "a@x.org"}, {"email": "b@x.org"}]),
        ({"id": "<int>"}, [7]),
        ("<access 900>", "not.a.token"),
        ("<access 900>", token(token_type="refresh")),
        ("<access 900>", token(exp=1001)),
        ("<access 900>", token(user_id=None)),
        ("<access 900>", token(jti=None)),
    ],
)
def test_anything_else_differs(want: object, got: object) -> None:
    assert not agrees(want, got, more_is_welcome=True)


def test_a_token_signed_by_another_algorithm_than_the_configured_differs() -> None:
    assert not agrees("<access 900>", token(), more_is_welcome=True, algorithm="ES256")


def test_further_keys_are_welcome_only_where_it_is_said() -> None:
    assert agrees({"id": 1}, {"id": 1, "name": None}, more_is_welcome=True)
    assert not agrees({"id": 1}, {"id": 1, "name": None}, more_is_welcome=False)


def test_allow_is_compared_as_a_set_of_methods() -> None:
    assert same_methods("GET, POST, HEAD, OPTIONS", "OPTIONS,POST, GET")
    assert not same_methods("POST, OPTIONS", "GET, POST")


def test_a_placeholder_alone_keeps_its_values_type_and_a_missing_one_is_told() -> None:
    assert fill({"a": "{{n}}", "b": ["no. {{n}}"]}, {"n": 5}) == {"a": 5, "b": ["no. 5"]}
    with pytest.raises(MissingValue, match="n"):
        fill("{{n}}", {})
