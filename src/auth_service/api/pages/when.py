"""Moments: in words, and so that a script in the browser can put them into its own time."""

from datetime import UTC, datetime

from markupsafe import Markup

from auth_service.languages import Words


def moment(seconds: float, words: Words) -> Markup:
    """Return a time as HTML has it."""
    when = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Markup('<time datetime="{}">{}</time>').format(when, words.moment(seconds))
