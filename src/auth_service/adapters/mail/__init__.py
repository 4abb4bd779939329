"""Mail: letters written from templates, and handed to a terminal, a folder or a mail server.

`writing` turns a letter into a mail: `composing` fills its templates in, and `wording` says times and devices in words.
`console`, `file`, `smtp` are the port, and `from_url` picks one of them. `preview` makes mails to look at.
"""

from auth_service.adapters.mail.from_url import mailer_from_url
from auth_service.adapters.mail.writing import MailWriter

__all__ = ["MailWriter", "mailer_from_url"]
