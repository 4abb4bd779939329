"""What this dialect says when something is refused: one table, in djoser's words."""

from math import ceil

import structlog
from litestar.exceptions import HTTPException

from auth_service.api import answers
from auth_service.api.answers import Answer, Headers
from auth_service.api.bodies import AnyRequest, BodyRejected
from auth_service.api.caller import CredentialsRejected, HeaderRejected
from auth_service.api.djoser.methods import allowed_at
from auth_service.api.djoser.wire import Detail
from auth_service.domain import errors
from auth_service.domain.errors import Problem

CHALLENGE: Headers = ((b"www-authenticate", b'Bearer realm="api"'),)

_PROBLEMS = {
    "required": "This field is required.",
    "null": "This field may not be null.",
    "blank": "This field may not be blank.",
    "not_a_string": "Not a valid string.",
    "null_character": "Null characters are not allowed.",
    "email_form": "Enter a valid email address.",
    "username_characters": (
        "Enter a valid username. This value may contain only letters, numbers, and @/./+/-/_ characters."
    ),
    "too_long": "Ensure this field has no more than {about} characters.",
    "password_similar": "The password is too similar to the {name}.",
    "password_short": "This password is too short. It must contain at least {about} characters.",
    "password_common": "This password is too common.",
    "password_breached": "This password is known from a data breach.",
    "password_numeric": "This password is entirely numeric.",
    "mismatch": "The two {about} fields didn't match.",
    "wrong_password": "Invalid password.",
    "cannot_sign_in": "Unable to log in with provided credentials.",
    "unknown_language": "Unknown language.",
    "not_a_choice": "Not a valid choice.",
    "out_of_range": "Ensure this value is between 1 and {about}.",
    "no_place": "Invalid cursor",
    "not_confirmed": "This is neither the address nor the id of the account.",
    "no_data": "No data provided",
    "not_an_object": "Invalid data. Expected a dictionary, but got {about}.",
}
_TAKEN = {
    "username": "A user with that username already exists.",
    "email": "user with this email address already exists.",
}
_NAMES = {"username": "username", "email": "email address"}
# Within one field Django's validators speak in this order; what is not named keeps its place after them.
_ORDER = ("username_characters", "taken", "too_long", "null_character", "email_form")

_TOKENS = {
    "invalid": "Token is invalid",
    "expired": "Token is expired",
    "wrong_type": "Token has wrong type",
    "no_expiry": "Token has no 'exp' claim",
    "no_id": "Token has no id",
    "no_type": "Token has no type",
    "revoked": "Token is blacklisted",
}
_NO_USER = Detail("Token contained no recognizable user identification", "token_not_valid")
_NOBODY = "No active account found for the given token."
_IN_HEADER = {
    "no_user": _NO_USER,
    "user_unknown": Detail("User not found", "user_not_found"),
    "user_inactive": Detail("User is inactive", "user_inactive"),
    "opaque_unknown": Detail("Invalid token."),
    "opaque_inactive": Detail("User inactive or deleted."),
}
_HEADERS = {
    "bearer_parts": Detail("Authorization header must contain two space-delimited values", "bad_authorization_header"),
    "token_alone": Detail("Invalid token header. No credentials provided."),
    "token_spaces": Detail("Invalid token header. Token string should not contain spaces."),
    "token_characters": Detail("Invalid token header. Token string should not contain invalid characters."),
}
_BROKEN = "Something went wrong here. The request id in the X-Request-ID header finds it in the log."
_log = structlog.get_logger("auth_service.api")


def answer_to(request: AnyRequest, refused: Exception) -> Answer:  # noqa: C901, PLR0911, PLR0912 - one table, read down
    """Return the answer for whatever was raised."""
    match refused:
        case errors.InvalidInput():
            return answers.json(400, by_field(refused.problems))
        case errors.BadCredentials():
            return unauthorized(Detail("No active account found with the given credentials"))
        case errors.LinkRejected():
            text = {"uid": "Invalid user id or user doesn't exist.", "token": "Invalid token for given user."}
            return answers.json(400, {refused.part: [text[refused.part]]})
        case errors.LinkSpent():
            return answers.json(403, Detail("Stale token for given user."))
        case errors.TokenRejected():
            return unauthorized(_token_in_body(refused.reason))
        case CredentialsRejected():
            return unauthorized(_token_in_header(refused.reason))
        case HeaderRejected():
            return unauthorized(_HEADERS[refused.fault])
        case errors.NotSignedIn():
            return unauthorized(Detail("Authentication credentials were not provided."))
        case errors.NotAllowed():
            return answers.json(403, Detail("You do not have permission to perform this action."))
        case errors.NotFound():
            return answers.json(404, Detail("No User matches the given query." if refused.certain else "Not found."))
        case errors.UnknownAddress():
            return answers.json(400, ["User with given email does not exist."])
        case errors.ActivationOff():
            return answers.empty(400)
        case errors.TooManyAttempts():
            wait = _seconds(refused.retry_after)
            detail = Detail(f"Request was throttled. Expected available in {wait} seconds.")
            return answers.json(429, detail, ((b"retry-after", b"%d" % wait),))
        case errors.Busy():
            detail = Detail("The service is busy. Please try again in a moment.")
            return answers.json(503, detail, ((b"retry-after", b"%d" % _seconds(refused.retry_after)),))
        case BodyRejected():
            return _body(refused)
        case HTTPException():
            return _framework(request, refused)
        case _:
            _log.exception("The request failed", exc_info=refused)
            return answers.json(500, Detail(_BROKEN))


def by_field(problems: tuple[Problem, ...]) -> dict[str, list[str]]:
    """Return the texts of all problems under the names of their fields."""
    found: dict[str, list[str]] = {}
    for problem in sorted(problems, key=_rank):
        found.setdefault(problem.field or "non_field_errors", []).append(_text(problem))
    return found


def unauthorized(detail: Detail) -> Answer:
    """Return a 401 with its challenge."""
    return answers.json(401, detail, CHALLENGE)


def _rank(problem: Problem) -> int:
    return _ORDER.index(problem.code) if problem.code in _ORDER else len(_ORDER)


def _text(problem: Problem) -> str:
    if problem.code == "taken":
        return _TAKEN["email" if problem.field.endswith("email") else "username"]
    return _PROBLEMS[problem.code].format(about=problem.about, name=_NAMES.get(problem.about, ""))


def _token_in_body(reason: errors.TokenFault) -> Detail:
    if reason == "no_user":
        return _NO_USER
    if reason in _TOKENS:
        return Detail(_TOKENS[reason], "token_not_valid")
    return Detail(_NOBODY)


def _token_in_header(reason: errors.TokenFault) -> Detail:
    if reason in _IN_HEADER:
        return _IN_HEADER[reason]
    return Detail(
        "Given token not valid for any token type",
        "token_not_valid",
        [{"token_class": "AccessToken", "token_type": "access", "message": _TOKENS[reason]}],
    )


def _body(refused: BodyRejected) -> Answer:
    match refused.fault:
        case "too_large":
            return answers.json(413, Detail("The request body is larger than 64 KiB."))
        case "media_type":
            return answers.json(415, Detail(f'Unsupported media type "{refused.about}" in request.'))
        case "json":
            return answers.json(400, Detail(f"JSON parse error - {refused.about}"))
        case "form" | "broken_off":
            return answers.json(400, Detail(refused.about or "The request body was broken off."))


def _framework(request: AnyRequest, refused: HTTPException) -> Answer:
    """Answer what Litestar itself refuses: unknown paths and methods, above all."""
    if refused.status_code == 405:  # noqa: PLR2004
        headers = () if _has_allow(request) else ((b"allow", allowed_at(request.scope["path"])),)
        return answers.json(405, Detail(f'Method "{request.method}" not allowed.'), headers)
    if refused.status_code == 404:  # noqa: PLR2004
        return answers.json(404, Detail("Not found."))
    return answers.json(refused.status_code, Detail(str(refused.detail)))


def _has_allow(request: AnyRequest) -> bool:
    route = request.scope.get("route_handler")
    return route is not None and "allow" in route.opt


def _seconds(seconds: float) -> int:
    return max(1, ceil(seconds))
