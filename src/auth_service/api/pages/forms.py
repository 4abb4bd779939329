"""Forms: the fields that each page sends."""

from msgspec import Struct

from auth_service.api.fields import Email, NewSecret, Secret, Text, Username


class SignIn(Struct):
    """Signing in, and where to go then."""

    name: Text
    password: Secret
    next: Text | None = None


class Registration(Struct):
    """Becoming somebody, where people have names."""

    username: Username
    email: Email
    password: NewSecret


class RegistrationByEmail(Struct):
    """Becoming somebody, where an address is all."""

    email: Email
    password: NewSecret


class Address(Struct):
    """An address that a mail is asked for."""

    email: Email


class NewPassword(Struct):
    """A new password, by a mailed link."""

    new_password: NewSecret


class NewUsername(Struct):
    """A new name, by a mailed link."""

    new_username: Username


class NewEmail(Struct):
    """A new address, by a mailed link."""

    new_email: Email


class ChangePassword(Struct):
    """A new password, on the old one."""

    current_password: Secret
    new_password: NewSecret


class ChangeUsername(Struct):
    """A new name, on the password."""

    current_password: Secret
    new_username: Username


class ChangeEmail(Struct):
    """A new address, on the password."""

    current_password: Secret
    new_email: Email


class Profile(Struct):
    """What stands in a profile beside the name that one signs in with."""

    username: Username | None = None
    email: Email | None = None


class Device(Struct):
    """One device to sign out."""

    session: Text


class Leave(Struct):
    """Leaving for good, on the password."""

    current_password: Secret


class Confirmation(Struct):
    """The address of an account, said again before it is deleted by staff."""

    confirm: Text


class Language(Struct):
    """What somebody reads."""

    language: Text
