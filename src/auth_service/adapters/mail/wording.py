"""Facts in words a person reads: how long, when, on which device; and text that stays on its line."""

import re
from datetime import UTC, datetime
from ipaddress import ip_address

_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
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
    ("iPhone", "an iPhone"),
    ("iPad", "an iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "a Mac"),
    ("Linux", "Linux"),
)
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,29}(?:/\d[\d.]{0,11})?")
_AGENT_READ = 400


def one_line(text: str, longest: int = 254) -> str:
    """Return the text on one line and cut: no break, control, direction or invisible character is left in it."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())[:longest]


def duration(seconds: float) -> str:
    """Return a time span in the largest unit that tells it without loss, else rounded down; nothing for none."""
    for unit, length in _UNITS:
        count = int(seconds // length)
        if count >= _FEW or (count == 1 and seconds % length == 0):
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return ""


def moment(at: float) -> str:
    """Return a time as everybody reads it the same way, whatever their country; nothing where none is known."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d at %H:%M} UTC" if at else ""


def place(address: str) -> str:
    """Return a network address, or nothing for text that is none."""
    try:
        return str(ip_address(address.partition("%")[0]))
    except ValueError:
        return ""


def device(agent: str) -> str:
    """Return what somebody used, in our words.

    A user agent is whatever its sender typed, and would otherwise stand in a mail we sign: advertisement, a link.
    """
    browser = _first_of(_BROWSERS, agent[:_AGENT_READ])
    system = _first_of(_SYSTEMS, agent[:_AGENT_READ])
    if browser:
        return f"{browser} on {system}" if system else browser
    program = _PROGRAM.match(agent)
    return program.group() if program and not system else system


def _first_of(names: tuple[tuple[str, str], ...], agent: str) -> str:
    return next((name for mark, name in names if mark in agent), "")
