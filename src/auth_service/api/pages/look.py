"""The look: templates filled in, in somebody's language. Nothing of it is loaded before the first page is asked for."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from auth_service import languages
from auth_service.api.answers import Answer, Headers
from auth_service.api.bodies import AnyRequest
from auth_service.api.origin import origin_of
from auth_service.api.pages.agents import device_name
from auth_service.api.pages.assets import Assets, load_assets
from auth_service.api.pages.when import moment
from auth_service.appearance import Appearance
from auth_service.domain.model import User
from auth_service.languages import ENGLISH, Words

if TYPE_CHECKING:
    from jinja2 import Environment

_HTML = (b"content-type", b"text/html; charset=utf-8")
_ISOLATED: Headers = (
    (b"x-frame-options", b"DENY"),
    # To ourselves only: a link in the address goes to nobody else. Under `no-referrer` browsers would send
    # `Origin: null` with our own forms, and over plain HTTP nothing else could tell that they are ours.
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
)


class Look:
    """Makes pages. A template of the operator's stands in for the one of its name; the others stay ours."""

    def __init__(self, appearance: Appearance, *, templates: Path | None = None, language: str = ENGLISH) -> None:
        self.appearance = appearance
        self._templates = templates
        self._language = language
        images = f"'self' {origin_of(appearance.logo_url)}" if appearance.logo_url else "'self'"
        policy = (
            f"default-src 'none'; style-src 'self'; script-src 'self'; img-src {images}; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        self._headers: Headers = (_HTML, (b"content-security-policy", policy.encode("latin-1")), *_ISOLATED)

    @cached_property
    def assets(self) -> Assets:
        """What pages need besides."""
        return load_assets(self.appearance)

    def words(self, request: AnyRequest, user: User | None = None) -> Words:
        """Return the words of the language to speak: the person's own, else the browser's, else the site's."""
        own = user.language if user else ""
        return languages.words(own or languages.wished(request.headers.get("accept-language", "")) or self._language)

    def page(
        self, template: str, words: Words, context: Mapping[str, object], *, status: int = 200, headers: Headers = ()
    ) -> Answer:
        """Fill in a template."""
        text = self._environment.get_template(template).render(
            context, words=words, look=self.appearance, assets=self.assets.paths
        )
        spoken = (b"content-language", words.language.encode())
        return Answer(status, text.encode(), (*self._headers, spoken, *headers))

    @cached_property
    def _environment(self) -> "Environment":
        # Loaded here and not above: a service whose pages nobody opens has no need of it.
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

        from auth_service.languages.templates import teach  # noqa: PLC0415

        folders = [Path(__file__).parent / "templates"]
        if self._templates is not None:
            folders.insert(0, self._templates)
        environment = Environment(
            loader=FileSystemLoader(folders),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        teach(environment)
        environment.filters |= {"device": device_name, "moment": moment}
        return environment
