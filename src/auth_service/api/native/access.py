"""Access: signing in and out, tokens, passwords and devices."""

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from auth_service.api import answers
from auth_service.api.answers import Answer, delete, read
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import CredentialsRejected, client_of
from auth_service.api.contract import TOO_OFTEN, WRONG_PASSWORD, Gone, Nothing, Reply, Takes, contract, weak
from auth_service.api.fields import Form
from auth_service.api.native import wire
from auth_service.api.native.desk import Desk, device
from auth_service.api.origin import CrossSite
from auth_service.api.straight import STRAIGHT
from auth_service.domain.errors import (
    BadCredentials,
    LinkRejected,
    NotFound,
    NotSignedIn,
    Problem,
    TokenRejected,
    refuse_if,
)
from auth_service.domain.model import TokenPair

_SIGN_IN = Takes(wire.SignIn, any_of=("identifier", "username", "email"))


class SignIn(Controller):
    """Signing in and out."""

    path = "/api"

    @post(["/login", "/token"], opt=STRAIGHT)
    @contract(Reply(200, "Both tokens.", wire.Tokens), BadCredentials(), TOO_OFTEN, by="anybody", takes=_SIGN_IN)
    async def sign_in(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign in and get a pair of tokens."""
        return answers.json(200, _tokens(await _signed_in(request, desk)))

    @post("/auth/login", opt=STRAIGHT)
    @contract(
        Reply(200, "Both tokens.", wire.Tokens, headers=("Set-Cookie",)),
        BadCredentials(),
        CrossSite(),
        TOO_OFTEN,
        by="anybody",
        takes=_SIGN_IN,
    )
    async def sign_in_browser(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign in and get a pair of tokens, as cookies too."""
        # Another site must not sign a visitor in as somebody else (login CSRF).
        desk.cookies.prove_same_origin(request, if_told=True)
        pair = await _signed_in(request, desk)
        return answers.json(200, _tokens(pair), desk.cookies.put(pair))

    @post("/token/refresh", opt=STRAIGHT)
    @contract(
        Reply(
            200,
            "A new access token; where tokens rotate, the next refresh token too.",
            wire.Access,
            headers=("Set-Cookie",),
        ),
        TokenRejected("expired"),
        TokenRejected("revoked"),
        by="anybody",
        takes=wire.Refresh,
        refresh_cookie=True,
    )
    async def refresh(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Get a new access token, for a refresh token in the body or in a cookie."""
        form = await desk.complete(request, wire.Refresh)
        token = form["refresh"]
        if token is not None:
            pair = await desk.core.tokens.refresh(token, client_of(request))
            return answers.json(200, wire.Access(pair.access, pair.refresh))
        cookie = desk.cookies.refresh(request)
        if cookie is None:
            refuse_if([Problem("refresh", "required")])
        desk.cookies.prove_same_origin(request)
        pair = await desk.core.tokens.refresh(cookie or "", client_of(request))
        return answers.json(200, wire.Access(pair.access, pair.refresh), desk.cookies.put(pair))

    @post("/token/verify", opt=STRAIGHT)
    @contract(Reply(200, "The token is good.", Nothing), TokenRejected("expired"), by="anybody", takes=wire.AnyToken)
    async def verify(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Say whether a token is good."""
        form = await desk.complete(request, wire.AnyToken)
        await desk.core.tokens.verify(form.given("token"), client_of(request))
        return answers.json(200, {})

    @post("/logout")
    @contract(
        Reply(200, "The sign-in is over.", wire.Message, headers=("Set-Cookie",), shows={"message": "Signed out"}),
        TokenRejected("expired"),
        by="caller",
        takes=wire.Refresh,
        refresh_cookie=True,
    )
    async def sign_out(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign out at once, by the refresh token in the body or a cookie, or by the bearer alone."""
        form = await desk.complete(request, wire.Refresh)
        client = client_of(request)
        refresh = form["refresh"] or self._cookie(request, desk)
        try:
            if refresh is not None:
                await desk.core.tokens.sign_out(refresh, client)
            else:
                await desk.core.devices.sign_out(await desk.caller(request), client)
        except (NotSignedIn, TokenRejected, CredentialsRejected):
            # Nothing to sign out of; a browser that kept a dead cookie is rid of it all the same.
            if form["refresh"] is not None or request.headers.get("authorization") or not request.cookies:
                raise
        return answers.json(200, wire.Message("Signed out"), desk.cookies.clear(request))

    @staticmethod
    def _cookie(request: AnyRequest, desk: Desk) -> str | None:
        if request.headers.get("authorization"):
            return None
        cookie = desk.cookies.refresh(request)
        if cookie is not None:
            desk.cookies.prove_same_origin(request)
        return cookie


class Passwords(Controller):
    """Changing and resetting passwords."""

    path = "/api"

    @post("/password")
    @contract(
        Reply(204, "The password is changed."),
        WRONG_PASSWORD,
        weak("new_password"),
        Gone(),
        TOO_OFTEN,
        by="caller",
        takes=wire.NewPassword,
    )
    async def change(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Change the caller's password."""
        caller = await desk.caller(request)
        form = await desk.form(request, wire.NewPassword)
        await desk.core.credentials.change_password(
            caller, form["current_password"], form["new_password"], client_of(request), found=form.problems
        )
        return answers.empty()

    @post("/reset_password")
    @contract(Reply(200, "The same for every address.", wire.Status), TOO_OFTEN, by="anybody", takes=wire.Address)
    async def request_reset(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail a link to choose a new password; the answer is the same for every address."""
        form = await desk.complete(request, wire.Address)
        await desk.core.credentials.request_reset(
            "password_reset", form.given("email"), client_of(request), silent=True
        )
        return answers.json(200, wire.Status("ok"))

    @post("/reset_password/confirm")
    @contract(
        Reply(200, "The password is changed.", wire.Message, shows={"message": "Password reset successful"}),
        weak("new_password"),
        LinkRejected("uid"),
        LinkRejected("token"),
        by="anybody",
        takes=wire.ResetConfirm,
    )
    async def confirm_reset(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Choose a new password by link; every session of that person ends."""
        form = await desk.complete(request, wire.ResetConfirm)
        await desk.core.credentials.confirm_password_reset(
            form.given("uid"),
            form.given("token"),
            form.given("new_password"),
            client_of(request),
            retyped=form["re_new_password"],
        )
        return answers.json(200, wire.Message("Password reset successful"))


class Sessions(Controller):
    """The devices a person is signed in on."""

    path = "/api/sessions"

    @read("/")
    @contract(
        Reply(200, "The devices, the newest first.", list[wire.Device]),
        by="caller",
    )
    async def everywhere(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """List the devices signed in."""
        caller = await desk.caller(request)
        return answers.json(200, [device(each, caller) for each in await desk.core.devices.signed_in(caller)])

    @delete("/")
    @contract(Reply(204, "The others are signed out."), by="caller")
    async def end_others(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign every device out but this one."""
        await desk.core.devices.end_others(await desk.caller(request), client_of(request))
        return answers.empty()

    @delete("/{session_id:str}")
    @contract(Reply(204, "The device is signed out."), NotFound(), by="caller")
    async def end(self, request: AnyRequest, session_id: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Sign one device out."""
        await desk.core.devices.end(await desk.caller(request), session_id, client_of(request))
        return answers.empty()


async def _signed_in(request: AnyRequest, desk: Desk) -> TokenPair:
    form = await desk.form(request, wire.SignIn)
    name = _name(form)
    missing = [] if name is not None or form.problems else [Problem("identifier", "required")]
    refuse_if([*form.problems, *missing])
    return await desk.core.tokens.issue(name or "", form.given("password"), client_of(request))


def _name(form: Form) -> str | None:
    return form["identifier"] or form["username"] or form["email"]


def _tokens(pair: TokenPair) -> wire.Tokens:
    if pair.refresh is None:
        raise TokenRejected("invalid")
    return wire.Tokens(pair.access, pair.refresh)
