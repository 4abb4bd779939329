"""Times in words, as each language writes them."""

from datetime import UTC, datetime

from babel.dates import format_date, format_time, get_datetime_format

# Where a language is written in more than one way: day before month, and the script of our catalogue.
_AS_IN = {"en": "en_GB", "zh": "zh_Hans"}


def moment(language: str, at: float) -> str:
    """Return a time to the minute, with the month by its name and the day in 24 hours: nobody can misread it."""
    when = datetime.fromtimestamp(at, UTC)
    place = _AS_IN.get(language, language)
    both = str(get_datetime_format("long", locale=place)).replace("'", "")
    date = format_date(when, "long", locale=place)
    return f"{both.format(format_time(when, 'HH:mm', locale=place), date)} UTC"
