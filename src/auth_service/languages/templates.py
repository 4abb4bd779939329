"""Templates that speak: `{% trans %}` and `_()` say a message in the language of the `words` they are filled in with.

One environment serves all languages, so every template is compiled once.
"""

from jinja2 import Environment, pass_context
from jinja2.ext import InternationalizationExtension
from jinja2.runtime import Context

from auth_service.languages import Words


def teach(environment: Environment) -> None:
    """Let an environment's templates speak; each is to be given `words`."""
    environment.add_extension(InternationalizationExtension)
    # A message may be broken into lines where it stands: the lines are no part of it.
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(_say, _count, newstyle=True)  # type: ignore[attr-defined]


@pass_context
def _say(context: Context, message: str) -> str:
    words: Words = context["words"]
    return words.say(message)


@pass_context
def _count(context: Context, one: str, several: str, number: int) -> str:
    words: Words = context["words"]
    return words.count(one, several, number)
