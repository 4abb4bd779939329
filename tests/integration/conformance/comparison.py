"""Whether an answer is the expected one: values that vary are compared by their kind, everything else as it stands."""

import re
from collections.abc import Callable, Mapping

import jwt

_JWT = re.compile(r"<(access|refresh) (\d+)>")
_WHY = "<why>"
_KINDS: Mapping[str, Callable[[object], bool]] = {
    "<int>": lambda value: type(value) is int,
    "<str>": lambda value: isinstance(value, str),
    "<token>": lambda value: isinstance(value, str) and re.fullmatch(r"\S+", value) is not None,
}


def agrees(want: object, got: object, *, more_is_welcome: bool, algorithm: str | None = None) -> bool:
    """Tell whether a JSON value is the expected one. Where more is welcome, an object may have further keys."""
    if isinstance(want, str):
        return _is_of_kind(want, got, algorithm)
    if type(want) is not type(got):
        return False
    if isinstance(want, dict) and isinstance(got, dict):
        return (more_is_welcome or want.keys() == got.keys()) and all(
            key in got and agrees(value, got[key], more_is_welcome=more_is_welcome, algorithm=algorithm)
            for key, value in want.items()
        )
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(
            agrees(one, other, more_is_welcome=more_is_welcome, algorithm=algorithm)
            for one, other in zip(want, got, strict=True)
        )
    return want == got


def same_methods(want: str, got: str) -> bool:
    """Tell whether two Allow headers agree; HEAD and OPTIONS go without saying, and the order does not count."""
    return _methods(want) == _methods(got)


def _methods(allow: str) -> set[str]:
    return {method.strip() for method in allow.split(",")} - {"", "HEAD", "OPTIONS"}


def _is_of_kind(want: str, got: object, algorithm: str | None) -> bool:
    if want in _KINDS:
        return _KINDS[want](got)
    if not isinstance(got, str):
        return False
    if wanted := _JWT.fullmatch(want):
        return _is_jwt(got, wanted[1], int(wanted[2]), algorithm)
    if want.endswith(_WHY):
        return got.startswith(want.removesuffix(_WHY)) and got != want.removesuffix(_WHY)
    return want == got


def _is_jwt(token: str, token_type: str, lifetime: int, algorithm: str | None) -> bool:
    try:
        parts = jwt.decode_complete(token, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return False
    claims: Mapping[str, object] = parts["payload"]
    issued, expires = claims.get("iat"), claims.get("exp")
    return (
        algorithm in {None, parts["header"]["alg"]}
        and claims.get("token_type") == token_type
        and isinstance(claims.get("user_id"), str)
        and isinstance(claims.get("jti"), str)
        and isinstance(issued, int)
        and isinstance(expires, int)
        and expires - issued == lifetime
    )
