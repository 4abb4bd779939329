"""Agents: a device in words people know it by, from what its browser says of itself."""

import re
from typing import Final

# The first that fits: most browsers say that they are several others, too.
_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdg(?:e|A|iOS)?/")),
    ("Opera", re.compile(r"\b(?:OPR|Opera)/")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|CriOS|Chromium|HeadlessChrome)/")),
    ("Safari", re.compile(r"\bSafari/")),
    ("curl", re.compile(r"^curl/")),
)
_SYSTEMS: Final = (
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Android", re.compile(r"\bAndroid\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("macOS", re.compile(r"\bMac OS X\b|\bMacintosh\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("Linux", re.compile(r"\bLinux\b")),
)
_SHOWN = 60


def device_name(agent: str) -> str:
    """Return a device as people call it, such as `Firefox · Windows`; what nobody knows, as it calls itself."""
    known = [_first(table, agent) for table in (_BROWSERS, _SYSTEMS)]
    name = " · ".join(part for part in known if part)
    return name or (agent if len(agent) <= _SHOWN else f"{agent[:_SHOWN]}…")


def _first(table: tuple[tuple[str, re.Pattern[str]], ...], agent: str) -> str:
    return next((name for name, pattern in table if pattern.search(agent)), "")
