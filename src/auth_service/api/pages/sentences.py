"""Sentences: what pages say when something is refused or done, from one table. English stands here, to be translated.

`_` and `ngettext` only mark a message for whoever collects them; it is said in a language when a page is made.
"""

from collections.abc import Mapping
from http import HTTPStatus
from math import ceil
from typing import NamedTuple

from litestar.exceptions import HTTPException
from msgspec import Struct, field

from auth_service.api.bodies import BodyFault, BodyRejected
from auth_service.api.origin import CrossSite
from auth_service.domain import errors
from auth_service.languages import Words

_MINUTE = 60


class Sentence(NamedTuple):
    """A message in English, and its plural where it has a `%(count)s` in it."""

    one: str
    several: str = ""

    def in_words(self, words: Words, **values: object) -> str:
        """Return it in a language."""
        if self.several:
            number = int(str(values["count"]))
            return words.count(self.one, self.several, number) % values
        return words.say(self.one) % values


def _(message: str) -> Sentence:
    return Sentence(message)


def ngettext(one: str, several: str) -> Sentence:
    """Mark a message that has a plural; the name is the one that collectors of messages know."""
    return Sentence(one, several)


class CookiesRefused(Exception):  # noqa: N818 - an answer to the visitor
    """The browser did not bring back the cookie that the page before gave it: a sign-in would not last."""


PROBLEMS: Mapping[str, Sentence] = {
    "required": _("Please fill this in."),
    "null": _("Please fill this in."),
    "blank": _("Please fill this in."),
    "not_a_string": _("Please type this in as text."),
    "null_character": _("This holds a character that cannot be typed. Please enter it again."),
    "email_form": _("This is not an email address. It looks like name@example.com."),
    "username_characters": _("A name may hold letters, digits and @.+-_ only."),
    "too_long": ngettext("This may have %(count)s character at most.", "This may have %(count)s characters at most."),
    "taken": _("This belongs to an account already. If it is yours, sign in; otherwise choose another."),
    "password_similar": _("This is too much like your name or address. Choose something that others cannot guess."),
    "password_short": ngettext("Use at least %(count)s character.", "Use at least %(count)s characters."),
    "password_common": _("This is one of the passwords that are tried first. Choose another."),
    "password_breached": _("This password is known from thefts elsewhere. Choose another."),
    "password_numeric": _("A password of digits alone is too easy to guess."),
    "mismatch": _("The two do not match."),
    "wrong_password": _("This is not your current password."),
    "unknown_language": _("This site does not speak that language."),
    "not_a_choice": _("Please choose one of those that are offered."),
    "out_of_range": ngettext("A number up to %(count)s goes here.", "A number from 1 to %(count)s goes here."),
    "no_place": _("This place in the list is no more. Please begin at the top."),
    "not_confirmed": _(
        "This is not the address of the account. Repeat it as it stands above, or give the account's id."
    ),
    "no_data": _("The form arrived empty. Please send it again."),
    "not_an_object": _("The form could not be read. Please send it again."),
}

NOTICES: Mapping[str, Sentence] = {
    "registered": _("Your account is ready. You can sign in now."),
    "registered_mailed": _("Your account is ready. Sign in, and confirm your address by the mail that is on its way."),
    "confirmed": _("Thank you, your address is confirmed."),
    "signed_in": _("You are signed in."),
    "over": _("You were signed out in the meantime, and nothing was changed. Sign in to go on."),
    "password_changed": _("Your password is changed."),
    "password_reset": _("Your password is changed, and every device is signed out. Sign in with the new one."),
    "name_changed": _("Your name is changed."),
    "address_changed": _("Your address is changed."),
    "address_proposed": _("We have sent a mail to the new address. It counts once you have confirmed it there."),
    "address_kept": _("Your address stays as it is. The link to the other one is no good any more."),
    "device_out": _("That device is signed out."),
    "others_out": _("All other devices are signed out."),
    "unchanged": _("Nothing was changed."),
    "deleted": _("Your account is deleted, with everything that belonged to it."),
    "language": _("Your language is changed."),
    "person_activated": _("This account is active now: whoever it belongs to can sign in."),
    "person_deactivated": _("This account is deactivated, and signed out on every device."),
    "person_resent": _("The mail with the link to confirm the address is on its way."),
    "person_reset": _("The mail with the link to choose a new password is on its way."),
    "person_out": _("This account is signed out on every device."),
    "person_deleted": _("The account is deleted, with everything that belonged to it."),
}

_BODIES: Mapping[BodyFault, Sentence] = {
    "too_large": _("That was more than this form can take. Go back, shorten what you typed, and send it again."),
    "media_type": _("This page takes forms only. Go back and send the form that is on the page."),
    "json": _("The form could not be read. Go back and send it again."),
    "form": _("The form could not be read. Go back and send it again."),
    "broken_off": _("The form did not arrive whole. Check your connection, go back and send it again."),
}
_STATUSES: Mapping[int, tuple[Sentence, Sentence]] = {
    403: (_("This is not for you"), _("Your account may not do this. If it should, ask whoever runs this site.")),
    404: (
        _("There is nothing here"),
        _("The address may be mistyped, or the page has moved. Begin at the first page."),
    ),
    405: (_("This page cannot do that"), _("Open the page itself and use the form on it.")),
    413: (_("That was too much"), _BODIES["too_large"]),
    415: (_("This is not a form"), _BODIES["media_type"]),
}
_OBJECTIONS: Mapping[errors.Objection, tuple[Sentence, Sentence]] = {
    "not_theirs": _STATUSES[403],
    "oneself": (
        _("This is your own account"),
        _("Nobody deactivates or deletes themselves here. Ask somebody else on the staff."),
    ),
    "not_active": (_("This account is not active"), _("Activate it first: until then nobody can sign in to it.")),
    "nothing_to_confirm": (
        _("There is nothing to confirm"),
        _("The address of this account is confirmed already, or this site does not ask for that."),
    ),
}
_REFUSED = (_("That did not work"), _("The request was not understood. Go back and try again."))
_BROKEN = (_("Something went wrong here"), _("It is not your fault. Try again in a while; we have taken note of it."))
_AWAY = (_("We cannot do this at the moment"), _("Something we need is away. Nothing is lost: try again in a minute."))
_NOT_OURS = (
    _("We could not tell where this form came from"),
    _(
        "Open the page here again and send the form from there. If this goes on, an extension or a setting of your "
        "browser hides where forms come from: allow it to tell this site."
    ),
)
_TOO_OFTEN = _("That was too often")
_NOBODY = _("Nothing is open to the name and password you typed. Check both and try again.")
_UNKNOWN_ADDRESS = _("There is no account with this address.")
_NO_CONFIRMATION = (
    _("There is nothing to confirm"),
    _("Addresses are not confirmed on this site. You can simply sign in."),
)
_NO_COOKIES = _(
    "Your browser did not keep our cookie, and without it you cannot stay signed in. Allow cookies for this site and "
    "try again. If you do, the address above has to begin with https."
)
_SECONDS = ngettext(
    "Please wait %(count)s second and then try again.", "Please wait %(count)s seconds and then try again."
)
_MINUTES = ngettext(
    "Please wait %(count)s minute and then try again.", "Please wait %(count)s minutes and then try again."
)
_LINKS: Mapping[errors.LinkFault, tuple[Sentence, Sentence]] = {
    "wrong": (
        _("This link does not work"),
        _("It may have been cut off on its way, or your account has changed since it was mailed."),
    ),
    "expired": (_("This link has expired"), _("Links are good for a while only, so that nobody finds an old one.")),
    "spent": (
        _("This is done already"),
        _("This link has been used, and what it was for is done. There is nothing left to do here."),
    ),
}


class Told(Struct, frozen=True, kw_only=True):
    """A refusal in somebody's words: for the page as a whole, and for its fields."""

    status: int
    title: str = ""
    general: list[str] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)
    retry_after: float = 0.0


def tell(refused: Exception, words: Words) -> Told:  # noqa: C901, PLR0911, PLR0912 - one table, read down
    """Return what is said of whatever was raised."""
    match refused:
        case errors.InvalidInput():
            return _faults(refused, words)
        case errors.BadCredentials():
            return Told(status=422, general=[_NOBODY.in_words(words)])
        case CookiesRefused():
            return Told(status=422, general=[_NO_COOKIES.in_words(words)])
        case errors.UnknownAddress():
            return Told(status=422, fields={"email": [_UNKNOWN_ADDRESS.in_words(words)]})
        case errors.LinkSpent():
            return _page(410, _LINKS["spent"], words)
        case errors.LinkRejected():
            return _page(410, _LINKS[refused.why], words)
        case errors.TokenRejected() | errors.NotSignedIn():
            return Told(status=401, general=[NOTICES["over"].in_words(words)])
        case errors.NotAllowed():
            return _page(403, _OBJECTIONS[refused.reason], words)
        case errors.NotFound():
            return _page(404, _STATUSES[404], words)
        case errors.ActivationOff():
            return _page(404, _NO_CONFIRMATION, words)
        case errors.TooManyAttempts():
            return _wait(429, _TOO_OFTEN, refused.retry_after, words)
        case errors.Busy():
            return _wait(503, _AWAY[0], refused.retry_after, words)
        case CrossSite():
            return _page(403, _NOT_OURS, words)
        case BodyRejected():
            status = {"too_large": 413, "media_type": 415}.get(refused.fault, 400)
            return _page(status, (_STATUSES.get(status, _REFUSED)[0], _BODIES[refused.fault]), words)
        case HTTPException():
            return _page(refused.status_code, _STATUSES.get(refused.status_code, _REFUSED), words)
        case _:
            return _page(500, _BROKEN, words)


def tell_notice(code: str | None, words: Words) -> str:
    """Return the sentence for what was done; nothing for a code that is not ours."""
    return NOTICES[code].in_words(words) if code and code in NOTICES else ""


def _faults(refused: errors.InvalidInput, words: Words) -> Told:
    fields: dict[str, list[str]] = {}
    general: list[str] = []
    for fault in refused.problems:
        count = int(fault.about) if fault.about.isdigit() else 0
        said = PROBLEMS[fault.code].in_words(words, count=count)
        found = fields.setdefault(fault.field, []) if fault.field else general
        if said not in found:
            found.append(said)
    status = HTTPStatus.CONFLICT if isinstance(refused, errors.AlreadyTaken) else HTTPStatus.UNPROCESSABLE_ENTITY
    return Told(status=status, general=general, fields=fields)


def _page(status: int, said: tuple[Sentence, Sentence], words: Words) -> Told:
    title, text = said
    return Told(status=status, title=title.in_words(words), general=[text.in_words(words)])


def _wait(status: int, title: Sentence, seconds: float, words: Words) -> Told:
    wait = max(1, ceil(seconds))
    sentence = _SECONDS if wait <= _MINUTE else _MINUTES
    count = wait if wait <= _MINUTE else ceil(wait / _MINUTE)
    said = sentence.in_words(words, count=count)
    return Told(status=status, title=title.in_words(words), general=[said], retry_after=wait)
