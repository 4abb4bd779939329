"""Facts in words a person reads: how long, when, on which device; and text that stays on its line."""

import re
from ipaddress import ip_address

from auth_service.domain.model import Letter
from auth_service.languages import Words, counted, later

_EXPIRIES = (
    (counted("%(number)s day after this mail was sent", "%(number)s days after this mail was sent"), 86_400),
    (counted("%(number)s hour after this mail was sent", "%(number)s hours after this mail was sent"), 3_600),
    (counted("%(number)s minute after this mail was sent", "%(number)s minutes after this mail was sent"), 60),
    (counted("%(number)s second after this mail was sent", "%(number)s seconds after this mail was sent"), 1),
)
_FEW = 2

# The first that fits: every browser names the ones it descends from, and so does every system.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", later("an iPhone")),
    ("iPad", later("an iPad")),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", later("a Mac")),
    ("Linux", "Linux"),
)
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,29}(?:/\d[\d.]{0,11})?")
_AGENT_READ = 400


def one_line(text: str, longest: int = 254) -> str:
    """Return the text on one line and cut: no break, control, direction or invisible character is left in it."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:longest]


def expiry(words: Words, seconds: float) -> str:
    """Return when a link ends: the time it has, in the largest unit that tells it without loss; nothing for none.

    A phrase of its own for each unit, for in many languages it changes with what it stands in.
    """
    for (one, several), length in _EXPIRIES:
        count = int(seconds // length)
        if count >= _FEW or (count == 1 and seconds % length == 0):
            return words.count(one, several, count) % {"number": count}
    return ""


def circumstances(words: Words, letter: Letter) -> str:
    """Return when, where and by which device a mail was caused, a line each; what is not known is left out."""
    lines = []
    if letter.at:
        lines.append(words.say("When: %(when)s") % {"when": words.moment(letter.at)})
    if where := place(letter.address):
        lines.append(words.say("Where: %(address)s") % {"address": where})
    if what := device(words, letter.agent):
        lines.append(words.say("Device: %(device)s") % {"device": what})
    return "\n".join(lines)


def names(words: Words, username: str, email: str) -> str:
    """Return all that somebody may sign in with."""
    if username and email:
        return words.say("%(username)s or %(address)s") % {"username": username, "address": email}
    return username or email


def place(address: str) -> str:
    """Return a network address, or nothing for text that is none."""
    try:
        return str(ip_address(address.partition("%")[0]))
    except ValueError:
        return ""


def device(words: Words, agent: str) -> str:
    """Return what somebody used, in our words.

    A user agent is whatever its sender typed, and would otherwise stand in a mail we sign: advertisement, a link.
    """
    browser = _first_of(_BROWSERS, agent[:_AGENT_READ])
    system = _first_of(_SYSTEMS, agent[:_AGENT_READ])
    system = words.say(system) if system else ""
    if browser and system:
        return words.say("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    if browser:
        return browser
    program = _PROGRAM.match(agent)
    return program.group() if program and not system else system


def _first_of(known: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for mark, name in known if mark in agent), "")
