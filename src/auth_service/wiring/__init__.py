"""Wiring: the only room that knows both sides. It makes the core from the settings, and serves it."""

from auth_service.wiring.keys import open_keyring
from auth_service.wiring.mails import mail_writer, preview_mails
from auth_service.wiring.places import (
    DatabaseStatus,
    StartError,
    back_up_database,
    copy_database,
    database_status,
    upgrade_database,
)
from auth_service.wiring.serving import app, openapi, running, serve
from auth_service.wiring.works import calibrate_hash, open_core, open_records

__all__ = [
    "DatabaseStatus",
    "StartError",
    "app",
    "back_up_database",
    "calibrate_hash",
    "copy_database",
    "database_status",
    "mail_writer",
    "open_core",
    "open_keyring",
    "open_records",
    "openapi",
    "preview_mails",
    "running",
    "serve",
    "upgrade_database",
]
