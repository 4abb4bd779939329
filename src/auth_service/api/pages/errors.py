"""What people see when something is refused: the form again, or a page that says what to do."""

from dataclasses import dataclass
from urllib.parse import quote

import structlog

from auth_service.api.answers import Answer, Headers
from auth_service.api.bodies import AnyRequest
from auth_service.api.pages.desk import Desk, Tried
from auth_service.api.pages.sentences import CookiesRefused, Told, tell
from auth_service.domain import errors
from auth_service.languages import Words

# What whoever sent a form can do something about, there and then.
_ON_THE_FORM = (
    errors.InvalidInput,
    errors.BadCredentials,
    errors.UnknownAddress,
    errors.NotAllowed,
    errors.TooManyAttempts,
    errors.Busy,
    CookiesRefused,
)
_LAST_WORDS = (
    b"<!doctype html><title>Something went wrong here</title><p>Something went wrong here. Try again later.</p>"
)
_BROKEN = 500
_log = structlog.get_logger("auth_service.api")


@dataclass(frozen=True, slots=True)
class Refusals:
    """Answers whatever a handler raises, and what no handler took up."""

    desk: Desk

    def answer_to(self, request: AnyRequest, refused: Exception) -> Answer:
        """Return the page for it."""
        try:
            return self._answer(request, refused)
        except Exception as broken:  # noqa: BLE001 - a template that cannot be filled in, perhaps the operator's own
            _log.exception("A page could not be made", exc_info=broken)
            return Answer(_BROKEN, _LAST_WORDS, ((b"content-type", b"text/html; charset=utf-8"),))

    def _answer(self, request: AnyRequest, refused: Exception) -> Answer:
        if isinstance(refused, errors.NotSignedIn | errors.TokenRejected):
            return self._to_sign_in(request)
        tried: Tried | None = request.scope.get("state", {}).get("tried")
        words = self.desk.look.words(request, tried.caller.user if tried and tried.caller else None)
        told = tell(refused, words)
        if told.status == _BROKEN:
            _log.exception("The request failed", exc_info=refused)
        if tried is not None and isinstance(refused, _ON_THE_FORM):
            return self._again(request, tried, told)
        if isinstance(refused, errors.LinkRejected | errors.LinkSpent):
            return self._link(request, refused, told)
        return self._page(told, words, _allowed(refused))

    def _to_sign_in(self, request: AnyRequest) -> Answer:
        """Let somebody whose sign-in is over sign in again, and come back to the page they were on."""
        path = request.scope["path"]
        had_one = self.desk.cookies.token(request) is not None
        notice = "over" if had_one or request.method == "POST" else ""
        dropped = (self.desk.cookies.drop(),) if had_one else ()
        return self.desk.go(f"/sign-in?next={quote(path)}", *dropped, notice=notice)

    def _again(self, request: AnyRequest, tried: Tried, told: Told) -> Answer:
        told = _on_fields_of(tried, told)
        return self.desk.show(
            request,
            tried.template,
            caller=tried.caller,
            told=told,
            typed=tried.form.values,
            headers=(self.desk.cookies.probe(), *_later(told)),
            **tried.context,
        )

    def _link(self, request: AnyRequest, refused: Exception, told: Told) -> Answer:
        spent = isinstance(refused, errors.LinkSpent) or (
            isinstance(refused, errors.LinkRejected) and refused.why == "spent"
        )
        route = request.scope.get("route_handler")
        # An address that is confirmed needs no other link; somebody who forgets twice does.
        anew = route.opt.get("anew", "") if route is not None and not isinstance(refused, errors.LinkSpent) else ""
        return self.desk.show(request, "link.html", told=told, spent=spent, anew=anew)

    def _page(self, told: Told, words: Words, headers: Headers) -> Answer:
        context: dict[str, object] = {
            "user": None,
            "policy": self.desk.core.policy,
            "told": told,
            "typed": {},
            "notice": "",
        }
        return self.desk.look.page("error.html", words, context, status=told.status, headers=(*_later(told), *headers))


def _on_fields_of(tried: Tried, told: Told) -> Told:
    """Move what is said of a field that does not stand on the page to where it is seen."""
    elsewhere = [said for name, found in told.fields.items() if name not in tried.fields for said in found]
    return Told(
        status=told.status,
        title=told.title,
        general=[*told.general, *elsewhere],
        fields={name: found for name, found in told.fields.items() if name in tried.fields},
        retry_after=told.retry_after,
    )


def _later(told: Told) -> Headers:
    return ((b"retry-after", b"%d" % told.retry_after),) if told.retry_after else ()


def _allowed(refused: Exception) -> Headers:
    allow = (getattr(refused, "headers", None) or {}).get("allow", "")
    return ((b"allow", allow.encode("latin-1")),) if allow else ()
