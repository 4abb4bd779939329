"""A real browser: Chromium as the system has it, told to note whatever a page should not do."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct, field
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

PHONE, DESKTOP = 375, 1280
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
# A violation is told to the page itself: it is kept where a test finds it.
_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""


def find_browser() -> str | None:
    """Return the path of a browser: that in CHROMIUM, or the first that is installed."""
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)


@contextmanager
def open_browser(path: str) -> Iterator[Browser]:
    """Start it, without a window."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class Visit(Struct):
    """Somebody at a screen, and what went wrong there."""

    page: Page
    origin: str
    scripted: bool
    wrongs: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        """Open a page by its path or its whole address."""
        self.page.goto(path if path.startswith("http") else f"{self.origin}{path}")

    def fill(self, **fields: str) -> None:
        """Type into fields, by their names."""
        for name, text in fields.items():
            self.page.fill(f"input[name={name}]:visible", text)

    def press(self, button: str) -> None:
        """Press a button or follow a link, by what it says."""
        at = self.page.get_by_role("button", name=button, exact=True)
        (at if at.count() else self.page.get_by_role("link", name=button, exact=True)).first.click()
        self.page.wait_for_load_state()

    @property
    def path(self) -> str:
        """Where they are."""
        return self.page.url.removeprefix(self.origin)

    @property
    def heading(self) -> str:
        """What the page is called."""
        return self.page.locator("h1").inner_text()

    @property
    def told(self) -> str:
        """What they are told: what was done, or what is wrong."""
        found = self.page.locator(".notice, .refusal")
        return found.first.inner_text() if found.count() else ""

    def look_for_violations(self) -> None:
        """Note what the browser has refused on this page."""
        if self.scripted:
            self.wrongs += self.page.evaluate("window.violations")


@contextmanager
def visit(
    browser: Browser, origin: str, *, width: int = DESKTOP, scripted: bool = True, agent: str | None = None
) -> Iterator[Visit]:
    """Give a browser that nobody has used before; at the end nothing may have gone wrong in it."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, java_script_enabled=scripted, locale="en-GB", user_agent=agent
    )
    context.set_default_timeout(10_000)
    page = context.new_page()
    visiting = Visit(page, origin, scripted)
    if scripted:
        page.add_init_script(_WATCH)

    def heard(message: ConsoleMessage) -> None:
        if "Security Policy" in message.text or "Refused to" in message.text:
            visiting.wrongs.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith(f"{origin}/"):
            visiting.wrongs.append(f"asked for {request.url}")

    page.on("console", heard)
    page.on("pageerror", lambda error: visiting.wrongs.append(str(error)))
    page.on("request", asked)
    yield visiting
    context.close()
    assert visiting.wrongs == []
