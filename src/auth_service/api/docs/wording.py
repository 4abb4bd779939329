"""What the OpenAPI document says in words: about the service, its answers and its headers, and by way of examples."""

from collections.abc import Mapping
from typing import Any

from auth_service.api.caller import CredentialsRejected, HeaderRejected
from auth_service.api.contract import Gone
from auth_service.api.origin import CrossSite
from auth_service.domain import errors

_JWT = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJ0b2tlbl90eXBlIjoi…"
EXAMPLES: Mapping[str, Any] = {
    "id": 14,
    "username": "chandler",
    "new_username": "miss-chanandler-bong",
    "re_new_username": "miss-chanandler-bong",
    "identifier": "chandler",
    "email": "chandler@example.com",
    "new_email": "bing@example.com",
    "re_new_email": "bing@example.com",
    "password": "could-i-be-any-safer",
    "re_password": "could-i-be-any-safer",
    "current_password": "could-i-be-any-safer",
    "new_password": "we-were-on-a-break",
    "re_new_password": "we-were-on-a-break",
    "uid": "MTQ",
    "token": _JWT,
    "access": _JWT,
    "refresh": _JWT,
    "auth_token": "4b1f0c9e2d7a6358f1c0e9d2b7a4635810fecd92",
    "created": "2026-03-02T09:30:00Z",
    "last_seen": "2026-03-05T18:04:11Z",
    "address": "203.0.113.7",
    "agent": "Mozilla/5.0",
    "kind": "jwt",
    "state": "active",
    "is_staff": False,
    "pending_email": "bing@example.com",
    "language": "en",
    "next": 12,
    "at": "2026-03-05T18:04:11Z",
    "what": "signed_in",
    "session": "9f2c4e6a8b0d1f3a5c7e9b2d4f6a8c0e",
    "why": "",
    "confirm": "chandler@example.com",
    "current": True,
    "is_email_confirmed": True,
    "status": "ok",
    "database": "ok",
    "keys": [{"kty": "EC", "crv": "P-256", "kid": "…", "use": "sig", "alg": "ES256", "x": "…", "y": "…"}],
}
LINK_TOKEN = "t9k2wq-5f8d2c1b7a9e4f3069d8c7b6a5e4f3d2"  # noqa: S105 - what one looks like
MEANS: Mapping[type[Exception], str] = {
    errors.AlreadyTaken: "Somebody else has this name or address.",
    errors.InvalidInput: "Fields are at fault; all of them are named.",
    errors.BadCredentials: "No active account has this name and password.",
    errors.LinkRejected: "The link is wrong, has expired, or has been replaced.",
    errors.LinkSpent: "The link has been used already.",
    errors.TokenRejected: "The token is refused.",
    errors.NotSignedIn: "Credentials are missing.",
    Gone: "The account has been deleted meanwhile.",
    errors.NotFound: "There is no such thing, or none that the caller may know of.",
    errors.UnknownAddress: "Nobody active has this address.",
    errors.ActivationOff: "Nobody is asked to confirm an address here: the body is empty, unless a field is at fault.",
    errors.TooManyAttempts: "That was too often; try again after `Retry-After` seconds.",
    errors.Busy: "The service is busy; try again after `Retry-After` seconds.",
    CredentialsRejected: "Credentials are refused.",
    HeaderRejected: "Credentials are refused.",
    CrossSite: "A cookie came without proof that our own page sent it.",
}
OBJECTIONS: Mapping[errors.Objection, str] = {
    "not_theirs": "Accounts of others are for staff.",
    "oneself": "Nobody shuts out or deletes themselves here.",
    "not_active": "The account is not active, so no such mail goes to it.",
    "nothing_to_confirm": "The account has no address that waits to be confirmed.",
}
NO_OBJECT = "The body is no object."
UNREADABLE = {
    "too_large": "The body is larger than 64 KiB.",
    "media_type": "The body is of a type that is not read here.",
    "json": "The body cannot be read.",
}
HEADERS: Mapping[str, dict[str, Any]] = {
    "Allow": {"description": "The methods of this path.", "required": True, "schema": {"type": "string"}},
    "Retry-After": {
        "description": "Seconds to wait before another try.",
        "required": True,
        "schema": {"type": "integer", "minimum": 1},
    },
    "WWW-Authenticate": {"description": "The challenge.", "required": True, "schema": {"type": "string"}},
    "ETag": {"description": "The version of what is sent.", "required": True, "schema": {"type": "string"}},
    "Set-Cookie": {"description": "The cookies of browsers: set, or taken away.", "schema": {"type": "string"}},
}
TOO_SLOW: dict[str, Any] = {
    "description": "The request took too long to arrive; the connection is closed.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]},
            "example": {"detail": "The request came in too slowly."},
        }
    },
}
ABOUT = """\
Two dialects over the same accounts: `/auth/…` speaks as djoser and simplejwt do, word for word; `/api/…` is this
service's own. What is described here is what this installation does with the settings it has.

## Bodies

`application/json`, `application/x-www-form-urlencoded` and `multipart/form-data` are read alike, up to 64 KiB. No body
is an empty object. Unknown fields are ignored. White space around a text is dropped, except in `uid` and `token`; a
number is taken as its decimal text.

## Paths

Each answers with and without its last slash, and is never redirected. A method that a path does not have is answered
405, and `Allow` names those it has; `OPTIONS` needs no credentials.

## Signing in

Send what `POST /auth/jwt/create/` or `POST /api/login/` gave as `Authorization: Bearer …`, or what
`POST /auth/token/login/` gave as `Authorization: Token …`: either is good in both dialects. Browsers may have cookies
instead, from `POST /api/auth/login`; they work below `/api/`, and for unsafe methods only together with a same-origin
`Sec-Fetch-Site` or `Origin`. Bad credentials are refused with 401 below `/auth/users/` and `/auth/token/` even where
none are needed.

## Errors

Below `/auth/`, texts by the name of the field at fault, with `non_field_errors` for what is about several; or one
`detail`. Below `/api/`, problems by RFC 9457: programs go by `code`, which stays. Every answer carries `X-Request-ID`,
by which the log is searched; a 500, should there be one, says nothing more.
"""
