"""Names and addresses: how they are kept, when two are the same, and what makes one unacceptable.

A username is kept NFKC-folded and unique without case. An address is kept as given but for its domain's case, and
unique on an ASCII form that no Unicode folding ever touched: a look-alike finds nobody's account (CVE-2019-19844).
"""

import re
import unicodedata

from auth_service.domain.errors import Problem

USERNAME_LONGEST = 150
# No letter is composed of more than four, so this can be nobody's name; and normalising takes quadratic time.
USERNAME_ABSURD = 4 * USERNAME_LONGEST
EMAIL_LONGEST = 254
# RFC 3696 erratum 1690: past 64 + @ + 255 characters no mail server would look at it.
EMAIL_ABSURD = 320
# RFC 1035, 2.3.4: 255 octets, of which the text has two less.
_DOMAIN_LONGEST = 253

_USERNAME = re.compile(r"[\w.@+-]+")
# Letters to Unicode, nothing to the eye: the fillers of Hangul pass `\w` and would draw an invisible twin.
_INVISIBLE = frozenset("\u115f\u1160\u3164\uffa0")

_LOCAL = re.compile(
    r"""[-!#$%&'*+/=?^_`{}|~0-9A-Z]+(?:\.[-!#$%&'*+/=?^_`{}|~0-9A-Z]+)*
      | "(?:[\x01-\x08\x0b\x0c\x0e-\x1f!\#-\[\]-\x7f]|\\[\x01-\x09\x0b\x0c\x0e-\x7f])*" """,
    re.IGNORECASE | re.ASCII | re.VERBOSE,
)
# RFC 2047, 2: programs that handle mail decode what begins so, into an address that is somebody else's.
_ENCODED = re.compile(r"=\?[^?]*\?[bq]\?", re.IGNORECASE)
_LABEL = re.compile(r"[A-Z0-9](?:[A-Z0-9-]{0,61}[A-Z0-9])?", re.IGNORECASE | re.ASCII)
_TOP = re.compile(r"[A-Z0-9-]{2,63}(?<!-)", re.IGNORECASE | re.ASCII)
_FEWEST_LABELS = 2


def fold_username(text: str) -> str:
    """Return the name as it is stored and shown: full-width letters and the like become the plain ones."""
    return text if len(text) > USERNAME_ABSURD else unicodedata.normalize("NFKC", text)


def username_key(text: str) -> str:
    """Return what two spellings of one name have in common: compatibility forms and case are not told apart."""
    return fold_username(fold_username(text).casefold())


def tidy_email(text: str) -> str:
    """Return the address as it is stored: the part before the @ as given, the domain in lower case."""
    local, at, domain = text.rpartition("@")
    return f"{local}{at}{domain.lower()}"


def email_key(text: str) -> str | None:
    """Return the ASCII form an address is unique on and found by, or None where it can be nobody's address."""
    if len(text) > EMAIL_ABSURD:
        return None
    local, at, domain = text.rpartition("@")
    ascii_domain = _ascii_domain(domain)
    if not at or not ascii_domain or not local.isascii():
        return None
    return f"{local.lower()}@{ascii_domain}"


def part_of_email_key(text: str) -> str | None:
    """Return what a part of an address is in its `email_key`, or None where it can be in none.

    Of a domain beyond ASCII whole words between the dots are known again, for only they have an ASCII form.
    """
    if len(text) > EMAIL_ABSURD:
        return None
    local, at, domain = text.rpartition("@")
    ascii_domain = _in_ascii(domain)
    return None if ascii_domain is None or not local.isascii() else f"{local.lower()}{at}{ascii_domain.lower()}"


def judge_username(text: str, field: str = "username") -> list[Problem]:
    """Return what is wrong with a name."""
    problems = []
    folded = fold_username(text)
    if not _USERNAME.fullmatch(text) or not all(map(_may_stand_in_name, folded)):
        problems.append(Problem(field, "username_characters"))
    if max(len(text), len(folded)) > USERNAME_LONGEST:
        problems.append(Problem(field, "too_long", str(USERNAME_LONGEST)))
    return problems


def judge_email(text: str, field: str = "email") -> list[Problem]:
    """Return what is wrong with an address: its form only; who owns it is proven by mail."""
    problems = []
    # Lower case can be longer than what was typed: a dotted capital I takes two signs.
    if max(len(text), len(tidy_email(text))) > EMAIL_LONGEST:
        problems.append(Problem(field, "too_long", str(EMAIL_LONGEST)))
    if len(text) > EMAIL_ABSURD or not _is_address(text):
        problems.append(Problem(field, "email_form"))
    return problems


def _may_stand_in_name(sign: str) -> bool:
    """Say whether folding may leave this sign in a name: some letters fold to brackets and blanks, some to marks."""
    known = _USERNAME.fullmatch(sign) or unicodedata.category(sign).startswith("M")
    return bool(known) and sign not in _INVISIBLE


def judge_address(text: str, field: str = "email") -> list[Problem]:
    """Return whether an address that is asked about could be one; nothing is stored, so its length is no matter."""
    return [] if len(text) <= EMAIL_ABSURD and _is_address(text) else [Problem(field, "email_form")]


def _is_address(text: str) -> bool:
    local, at, domain = text.rpartition("@")
    if not at or _ENCODED.search(local):
        return False
    return bool(_LOCAL.fullmatch(local)) and _ascii_domain(domain) is not None


def _ascii_domain(domain: str) -> str | None:
    """Return the domain in lower-case ASCII (IDNA), or None where it is no mail domain."""
    ascii_domain = _in_ascii(domain)
    if ascii_domain is None:
        return None
    if ascii_domain.lower() == "localhost":
        return "localhost"
    *names, top = ascii_domain.split(".")
    if len(names) + 1 < _FEWEST_LABELS or not _TOP.fullmatch(top):
        return None
    return ascii_domain.lower() if all(_LABEL.fullmatch(name) for name in names) else None


def _in_ascii(domain: str) -> str | None:
    if domain.isascii():
        return domain
    # A form that NFKC would change is a look-alike of the plain one (Kelvin sign, long s, full width): refused before
    # lower-casing, which folds some of them itself.
    if unicodedata.normalize("NFKC", domain) != domain or not all(map(_may_stand_in_domain, domain)):
        return None
    labels = [_ascii_label(label) for label in unicodedata.normalize("NFC", domain.lower()).split(".")]
    found = ".".join(labels)
    return found if len(found) <= _DOMAIN_LONGEST else None


def _may_stand_in_domain(sign: str) -> bool:
    """Refuse what cannot be seen (blanks, controls, directions, half a character) and the dot that is no full stop."""
    return unicodedata.category(sign)[0] not in "CZ" and sign != "\u3002"


def _ascii_label(label: str) -> str:
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
