"""Who writes mails, as these settings have them."""

from collections.abc import Sequence
from pathlib import Path

from auth_service.adapters.mail.writing import MailWriter
from auth_service.languages import LANGUAGES
from auth_service.settings import Settings
from auth_service.wiring.places import StartError


def mail_writer(settings: Settings) -> MailWriter:
    """Return who writes mails as these settings have them."""
    own = settings.templates_dir / "mail" if settings.templates_dir else None
    try:
        return MailWriter(
            settings.site_name,
            settings.mail_from,
            logo_url=settings.logo_url,
            accent=settings.accent_color,
            templates_dir=own if own and own.is_dir() else None,
        )
    except ValueError as error:
        raise StartError(str(error)) from error


def preview_mails(settings: Settings, folder: Path, languages: Sequence[str]) -> int:
    """Write every mail there is, in these languages, into a folder; return how many files that made."""
    from auth_service.adapters.mail.preview import write_all  # noqa: PLC0415

    try:
        return write_all(mail_writer(settings), folder, languages or tuple(LANGUAGES))
    except OSError as error:
        raise StartError(f"The folder {folder} takes no files: {error.strerror}.") from error
