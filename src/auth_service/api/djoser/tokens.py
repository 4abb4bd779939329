"""Tokens: the opaque ones of `token/…` and the signed ones of `jwt/…`."""

from litestar import Controller, post
from litestar.di import NamedDependency

from auth_service.api import answers
from auth_service.api.answers import Answer
from auth_service.api.bodies import AnyRequest, read_body
from auth_service.api.caller import client_of
from auth_service.api.contract import TOO_OFTEN, Nothing, Only, Reply, Takes, contract
from auth_service.api.djoser import wire
from auth_service.api.djoser.desk import Desk
from auth_service.api.djoser.methods import ACTION
from auth_service.api.fields import read_fields
from auth_service.api.straight import STRAIGHT
from auth_service.domain.errors import BadCredentials, InvalidInput, Problem, TokenRejected, refuse_if

_NAMES = frozenset({"username", "email", "identifier"})
_BAD_TOKEN = (TokenRejected("invalid"), TokenRejected("expired"), TokenRejected("revoked"))


class OpaqueTokens(Controller):
    """A token for each sign-in."""

    path = "/auth/token"
    opt = {"allow": ACTION}  # noqa: RUF012 - Litestar's form

    @post("/login", opt=STRAIGHT)
    @contract(
        Reply(200, "The token.", wire.AuthToken),
        InvalidInput([Problem("", "cannot_sign_in")]),
        TOO_OFTEN,
        by="visitor",
        takes=lambda policy: Takes(
            wire.SignIn,
            "TokenSignIn",
            _NAMES - {policy.login_field, "identifier"},
            any_of=(policy.login_field, "identifier"),
        ),
    )
    async def sign_in(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign in and get an opaque token. Unlike `jwt/create/`, this takes a name only as it is documented."""
        await desk.visitor(request)
        body = await read_body(request)
        field = (
            "identifier" if desk.login_field not in _keys(body) and "identifier" in _keys(body) else desk.login_field
        )
        form = read_fields(wire.SignIn, body, without=_NAMES - {field})
        refuse_if([problem for problem in form.problems if problem.code != "required"])
        if form[field] is None or form["password"] is None:
            raise InvalidInput([Problem("", "cannot_sign_in")])
        name, password = form.given(field), form.given("password")
        try:
            token = await desk.core.tokens.issue_opaque(name, password, client_of(request), by=field)
        except BadCredentials:
            raise InvalidInput([Problem("", "cannot_sign_in")]) from None
        return answers.json(200, wire.AuthToken(token))

    @post("/logout")
    @contract(Reply(204, "The token is dead."), by="caller")
    async def sign_out(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign out: the token is dead."""
        await desk.core.devices.drop_opaque(await desk.caller(request), client_of(request))
        return answers.empty()


class SignedTokens(Controller):
    """Pairs of signed tokens. The Authorization header is not looked at here."""

    path = "/auth/jwt"
    opt = {"allow": ACTION, "open": True}  # noqa: RUF012 - Litestar's form

    @post("/create", opt=STRAIGHT)
    @contract(
        Reply(200, "Both tokens.", wire.Pair),
        BadCredentials(),
        TOO_OFTEN,
        by="anybody",
        takes=lambda policy: Takes(
            wire.SignIn, any_of=sorted(_NAMES, key=lambda name: (name != policy.login_field, name))
        ),
    )
    async def sign_in(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign in and get a pair of tokens."""
        body = await read_body(request)
        field = _name_field(body, desk.login_field)
        form = read_fields(wire.SignIn, body, without=_NAMES - {field}, required=[field])
        refuse_if(form.problems)
        pair = await desk.core.tokens.issue(form.given(field), form.given("password"), client_of(request))
        return answers.json(200, wire.Pair(pair.refresh or "", pair.access))

    @post("/refresh", opt=STRAIGHT)
    @contract(
        Reply(200, "A new access token.", wire.Access),
        Only(
            lambda policy: policy.rotate_refresh,
            Reply(200, "With it comes the refresh token to use from now on.", wire.Pair),
        ),
        *_BAD_TOKEN,
        TokenRejected("wrong_type"),
        TokenRejected("user_inactive"),
        by="anybody",
        takes=wire.Refresh,
    )
    async def refresh(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Get a new access token."""
        form = read_fields(wire.Refresh, await read_body(request))
        refuse_if(form.problems)
        pair = await desk.core.tokens.refresh(form.given("refresh"), client_of(request))
        if pair.refresh is None:
            return answers.json(200, wire.Access(pair.access))
        return answers.json(200, wire.Pair(pair.refresh, pair.access))

    @post("/verify", opt=STRAIGHT)
    @contract(Reply(200, "The token is good.", Nothing), *_BAD_TOKEN, by="anybody", takes=wire.AnyToken)
    async def verify(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Say whether a token is good."""
        form = read_fields(wire.AnyToken, await read_body(request))
        refuse_if(form.problems)
        await desk.core.tokens.verify(form.given("token"), client_of(request))
        return answers.json(200, {})

    @post("/blacklist")
    @contract(
        Reply(200, "The token is worthless.", Nothing),
        *_BAD_TOKEN,
        TokenRejected("wrong_type"),
        by="anybody",
        takes=wire.Refresh,
    )
    async def revoke(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Make a refresh token worthless."""
        form = read_fields(wire.Refresh, await read_body(request))
        refuse_if(form.problems)
        await desk.core.tokens.revoke(form.given("refresh"), client_of(request))
        return answers.json(200, {})


def _name_field(body: object, documented: str) -> str:
    """Return the field the name is in: the documented one, or another where that is missing.

    An `email` that is no address is not taken for a name, nor anything without a password beside it: clients of djoser
    are told which field they forgot.
    """
    keys = _keys(body)
    if documented in keys or "password" not in keys:
        return documented
    if "identifier" in keys:
        return "identifier"
    other = "email" if documented == "username" else "username"
    given = keys.get(other)
    return other if isinstance(given, str) and ("@" in given or other == "username") else documented


def _keys(body: object) -> dict[str, object]:
    return body if isinstance(body, dict) else {}
