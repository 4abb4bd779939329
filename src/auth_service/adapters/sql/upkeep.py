"""Upkeep: what has run out is removed, in small batches, while the service serves."""

from dataclasses import dataclass

from auth_service.adapters.sql import statements
from auth_service.adapters.sql.database import Database
from auth_service.adapters.sql.statements import Write

_BATCH = 500
_SENT_MAIL_KEPT = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class SqlUpkeep:
    """Keeps tables as large as what they are for. Doing it in two processes at once is harmless."""

    database: Database

    async def sweep(self) -> None:
        """Remove a batch of what has run out; of attempts all, for there every sign-in leaves some."""
        await self.database.write(
            [
                Write(statements.SWEEP_SESSIONS, {"most": _BATCH}),
                Write(statements.SWEEP_REVOKED, {"most": _BATCH}),
                Write(statements.SWEEP_MAIL, {"most": _BATCH, "kept": _SENT_MAIL_KEPT}),
            ]
        )
        attempts = Write(statements.SWEEP_ATTEMPTS, {"most": _BATCH})
        while len(await self.database.write([attempts])) == _BATCH:
            pass
