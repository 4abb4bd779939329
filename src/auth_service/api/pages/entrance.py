"""The entrance: registering, confirming an address, signing in and out."""

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from auth_service.api.answers import Answer, read
from auth_service.api.bodies import AnyRequest
from auth_service.api.caller import client_of
from auth_service.api.pages import forms
from auth_service.api.pages.account import PAGES as ACCOUNT_PAGES
from auth_service.api.pages.desk import Desk
from auth_service.api.pages.sentences import CookiesRefused
from auth_service.domain.errors import NotFound, refuse_if
from auth_service.domain.registration import SignUp

# What a mail was asked for, and where it can be asked for again.
_MAILS = {"activation": "/resend-activation", "password": "/forgot-password", "name": "/forgot-name"}


class Entrance(Controller):
    """Coming in."""

    @read("/")
    async def welcome(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Let people choose; whoever is signed in is taken to their account."""
        if await desk.visitor(request):
            return desk.go("/account")
        return desk.show(request, "welcome.html")

    @read("/register")
    async def ask_newcomer(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask a newcomer."""
        return desk.show(request, "register.html", caller=await desk.visitor(request))

    @post("/register")
    async def register(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Register a newcomer."""
        policy = desk.core.policy
        by_email = policy.login_field == "email"
        form = await desk.form(request, forms.RegistrationByEmail if by_email else forms.Registration, "register.html")
        new = SignUp(username=form["username"], email=form["email"], password=form["password"])
        made = await desk.core.registration.register(new, client_of(request), found=form.problems)
        if not made.is_active:
            return desk.go("/check-mail/activation", desk.cookies.mailed(made.email))
        return desk.go("/sign-in", notice="registered_mailed" if policy.confirms_addresses else "registered")

    @read("/check-mail/{what:str}")
    async def check_mail(self, request: AnyRequest, what: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Send people to their mail."""
        if what not in _MAILS:
            raise NotFound
        return desk.show(
            request, "check_mail.html", what=what, again=_MAILS[what], mailed=desk.cookies.mailed_to(request)
        )

    @read("/resend-activation")
    async def ask_resend(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask where the confirmation mail is to go."""
        return desk.show(request, "resend.html")

    @post("/resend-activation")
    async def resend(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Mail the confirmation link again, if there is anything to confirm."""
        form = await desk.form(request, forms.Address, "resend.html")
        await desk.core.registration.resend(form["email"], client_of(request), found=form.problems)
        return desk.go("/check-mail/activation", desk.cookies.mailed(form.given("email")))

    @read("/activate/{uid:str}/{token:str}", opt={"anew": "/resend-activation"})
    async def look_at_activation(
        self, request: AnyRequest, uid: FromPath[str], token: FromPath[str], desk: NamedDependency[Desk]
    ) -> Answer:
        """Ask for the click that confirms an address: scanners open links, people press buttons."""
        address = await desk.core.registration.check_link(uid, token)
        return desk.show(request, "activate.html", address=address)

    @post("/activate/{uid:str}/{token:str}", opt={"anew": "/resend-activation"})
    async def activate(
        self, request: AnyRequest, uid: FromPath[str], token: FromPath[str], desk: NamedDependency[Desk]
    ) -> Answer:
        """Confirm an address."""
        desk.prove(request)
        await desk.core.registration.activate(uid, token, client_of(request))
        signed_in = await desk.visitor(request) is not None
        return desk.go("/account" if signed_in else "/sign-in", notice="confirmed")

    @read("/sign-in")
    async def ask_name(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Ask who it is."""
        next_page = _own_page(request.query_params.get("next"))
        if await desk.visitor(request):
            return desk.go(next_page)
        return desk.show(request, "sign_in.html", typed={"next": next_page}, headers=(desk.cookies.probe(),))

    @post("/sign-in")
    async def sign_in(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign in. Whoever was signed in on this browser before is signed out."""
        form = await desk.form(request, forms.SignIn, "sign_in.html")
        # Nobody typed where to go next: what is odd about it is not theirs to mend.
        refuse_if([fault for fault in form.problems if fault.field != "next"])
        if not desk.cookies.are_kept(request):
            raise CookiesRefused
        client = client_of(request)
        token = await desk.core.tokens.issue_browser(form.given("name"), form.given("password"), client)
        before = await desk.visitor(request)
        if before is not None:
            await desk.core.devices.sign_out(before, client)
        return desk.go(_own_page(form["next"]), desk.cookies.keep(token))

    @post("/sign-out")
    async def sign_out(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Sign out; twice is no harm."""
        desk.prove(request)
        caller = await desk.visitor(request)
        if caller is not None:
            await desk.core.devices.sign_out(caller, client_of(request))
        return desk.go("/signed-out", desk.cookies.drop())

    @read("/signed-out")
    async def signed_out(self, request: AnyRequest, desk: NamedDependency[Desk]) -> Answer:
        """Say goodbye."""
        return desk.show(request, "signed_out.html", caller=await desk.visitor(request))

    @read("/pages/{file:str}")
    async def asset(self, file: FromPath[str], desk: NamedDependency[Desk]) -> Answer:
        """Give what pages need besides."""
        found = desk.look.assets.by_name.get(file)
        if found is None:
            raise NotFound
        return found.answer()


def _own_page(asked: str | None) -> str:
    """Return where to go after signing in: a page of the account, and nowhere that somebody else may have put in."""
    return asked if asked in ACCOUNT_PAGES else "/account"
