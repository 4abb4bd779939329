"""What this dialect says when something is refused: problems by RFC 9457, from one table."""

from http import HTTPStatus
from math import ceil

import structlog
from litestar.exceptions import HTTPException

from auth_service.api import answers
from auth_service.api.answers import Answer, Headers
from auth_service.api.bodies import AnyRequest, BodyRejected
from auth_service.api.caller import CredentialsRejected, HeaderRejected
from auth_service.api.native import wire
from auth_service.api.origin import CrossSite
from auth_service.domain import errors

_PROBLEM_JSON = (b"content-type", b"application/problem+json")
_CHALLENGE = (b"www-authenticate", b'Bearer realm="api"')
PROBLEMS = {
    "required": "This field is missing.",
    "null": "This field must not be null.",
    "blank": "This field must not be empty.",
    "not_a_string": "This must be text.",
    "null_character": "This must not hold a null character.",
    "email_form": "This is not an email address. It looks like name@example.com.",
    "username_characters": "A name may hold letters, digits and @ . + - _ only.",
    "too_long": "This may be at most {about} characters long.",
    "taken": "Somebody else has this already.",
    "password_similar": "This is too much like the {about}.",
    "password_short": "Use at least {about} characters.",
    "password_common": "This password is one of those that are tried first. Choose another.",
    "password_breached": "This password is known from thefts elsewhere, so it is tried early. Choose another.",
    "password_numeric": "A password of digits alone is too easy to guess.",
    "mismatch": "The two do not match.",
    "wrong_password": "This is not the current password.",
    "unknown_language": "This service does not speak that language.",
    "not_a_choice": "This must be one of: {about}.",
    "out_of_range": "This must be a whole number from 1 to {about}.",
    "no_place": "This is no place in the list. Leave it out, or take what an answer had as `next`.",
    "not_confirmed": "Repeat the address or the id of this account, so that no other one is deleted.",
    "no_data": "The body is null. Send an object with the fields.",
    "not_an_object": "The body is a JSON {about}. Send an object with the fields.",
}
_OBJECTIONS: dict[errors.Objection, str] = {
    "not_theirs": "You may not do this.",
    "oneself": "You cannot shut out or delete yourself here. Another member of staff can.",
    "not_active": "This account is not active, so no such mail goes to it.",
    "nothing_to_confirm": "This account has no address that waits to be confirmed, so there is nothing to mail.",
}
_LINKS = {"uid": "This link belongs to no account.", "token": "This link is wrong, has expired, or has been replaced."}
_TOKENS = {
    "expired": "The token has expired.",
    "wrong_type": "This kind of token is not for this.",
    "revoked": "The sign-in behind this token is over.",
    "user_inactive": "The account is not active.",
    "opaque_inactive": "The account is not active.",
}
_HEADERS = "The Authorization header should be: Bearer, a space, and one token."
_BROKEN = "Something went wrong here. The request id in the X-Request-ID header finds it in the log."
_log = structlog.get_logger("auth_service.api")


def answer_to(request: AnyRequest, refused: Exception) -> Answer:  # noqa: C901, PLR0911, PLR0912 - one table, read down
    """Return the answer for whatever was raised."""
    match refused:
        case errors.AlreadyTaken():
            return problem(409, "already_taken", "Somebody else has this already.", fields=refused.problems)
        case errors.InvalidInput():
            if any(found.code in {"no_data", "not_an_object"} for found in refused.problems):
                return problem(400, "malformed", _text(refused.problems[0]))
            return problem(422, "invalid_input", "Some fields need another look.", fields=refused.problems)
        case errors.BadCredentials():
            return unauthorized("bad_credentials", "There is no active account with this name and password.")
        case errors.LinkRejected():
            return problem(410, "link_rejected", _LINKS[refused.part])
        case errors.LinkSpent():
            return problem(410, "link_spent", "This link has been used already.")
        case errors.TokenRejected() | CredentialsRejected():
            return unauthorized("token_not_valid", _TOKENS.get(refused.reason, "The token is not valid."))
        case HeaderRejected():
            return unauthorized("bad_authorization_header", _HEADERS)
        case errors.NotSignedIn():
            return unauthorized("not_signed_in", "Sign in first: this needs a token.")
        case CrossSite():
            return problem(403, "csrf", "This request came with a cookie but not provably from our own pages.")
        case errors.NotAllowed():
            return problem(403, "not_allowed", _OBJECTIONS[refused.reason])
        case errors.NotFound() | errors.UnknownAddress():
            return problem(404, "not_found", "There is nothing here.")
        case errors.ActivationOff():
            return answers.json(200, wire.Status("ok"))
        case errors.TooManyAttempts():
            return _later(429, "too_many_attempts", "That was too often. Wait a little.", refused.retry_after)
        case errors.Busy():
            return _later(503, "busy", "The service is busy. Try again in a moment.", refused.retry_after)
        case BodyRejected():
            return _body(refused)
        case HTTPException():
            return _framework(request, refused)
        case _:
            _log.exception("The request failed", exc_info=refused)
            return problem(500, "internal_error", _BROKEN)


def problem(
    status: int, code: str, detail: str, headers: Headers = (), *, fields: tuple[errors.Problem, ...] = ()
) -> Answer:
    """Return a problem document."""
    found: dict[str, list[wire.FieldProblem]] = {}
    for fault in fields:
        found.setdefault(fault.field or "non_field_errors", []).append(wire.FieldProblem(fault.code, _text(fault)))
    document = wire.Problem("about:blank", HTTPStatus(status).phrase, status, detail, code, found or None)
    return Answer(status, answers.encode(document), (_PROBLEM_JSON, *headers))


def unauthorized(code: str, detail: str) -> Answer:
    """Return a 401 with its challenge."""
    return problem(401, code, detail, (_CHALLENGE,))


def _text(fault: errors.Problem) -> str:
    return PROBLEMS[fault.code].format(about=fault.about)


def _later(status: int, code: str, detail: str, seconds: float) -> Answer:
    return problem(status, code, detail, ((b"retry-after", b"%d" % max(1, ceil(seconds))),))


def _body(refused: BodyRejected) -> Answer:
    match refused.fault:
        case "too_large":
            return problem(413, "too_large", "The body is larger than 64 KiB.")
        case "media_type":
            text = "The body should be application/json, application/x-www-form-urlencoded or multipart/form-data."
            return problem(415, "unsupported_media_type", text)
        case "json":
            return problem(400, "malformed", f"The body is not JSON: {refused.about}")
        case "form" | "broken_off":
            return problem(400, "malformed", refused.about or "The body was broken off.")


def _framework(request: AnyRequest, refused: HTTPException) -> Answer:
    if refused.status_code == 405:  # noqa: PLR2004
        allow = (refused.headers or {}).get("allow", "")
        headers = ((b"allow", allow.encode("latin-1")),)
        return problem(405, "method_not_allowed", f"{request.method} does nothing here.", headers)
    if refused.status_code == 404:  # noqa: PLR2004
        return problem(404, "not_found", "There is nothing here.")
    return problem(refused.status_code, "refused", str(refused.detail))
