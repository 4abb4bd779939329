"""The core: the areas a driver may call. Whoever serves people, over HTTP or otherwise, needs nothing else."""

from dataclasses import dataclass

from auth_service.domain.credentials import Credentials
from auth_service.domain.devices import Devices
from auth_service.domain.people import People
from auth_service.domain.policy import Policy
from auth_service.domain.post import Post
from auth_service.domain.profiles import Profiles
from auth_service.domain.registration import Registration
from auth_service.domain.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """Everything the service does, by area."""

    policy: Policy
    registration: Registration
    credentials: Credentials
    tokens: Tokens
    profiles: Profiles
    devices: Devices
    people: People
    post: Post
