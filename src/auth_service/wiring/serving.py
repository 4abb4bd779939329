"""Serving: the core behind the API, in this process or in several."""

import asyncio
import gc
import logging
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from auth_service.adapters.log import bind_request, request_writer, set_up_log
from auth_service.appearance import Appearance
from auth_service.doctor import examine
from auth_service.domain.ports.surroundings import Mailer
from auth_service.languages import learn
from auth_service.setting_kinds import hide_credentials
from auth_service.settings import Settings, hand_down, present_settings
from auth_service.wiring.chores import at_work
from auth_service.wiring.keys import secret_of, watch_keys
from auth_service.wiring.mails import mail_writer
from auth_service.wiring.places import StartError, place_of, told
from auth_service.wiring.recording import recording
from auth_service.wiring.works import counts_in_redis, open_works

if TYPE_CHECKING:
    from litestar.types import ASGIApp

    from auth_service.api.options import Options
    from auth_service.api.pages.look import Look

_log = logging.getLogger("auth_service")


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    workers: int = 1,
    reload: bool = False,
    factory: str = "auth_service.wiring:app",
) -> None:
    """Serve until told to stop: in this process, or in several that share one socket.

    `factory` is where each of them finds what makes its app: a function that returns what `app` returns.
    """
    # Loaded here and not above: the rest of the command line has no need of a server.
    import uvicorn  # noqa: PLC0415

    from auth_service.api.server import uvicorn_options  # noqa: PLC0415

    set_up_log(settings.log_format)
    try:
        _bind(host, port).close()
    except OSError as error:
        sentence = f"Cannot listen on {host} port {port}: {error.strerror}. Give another --host or --port."
        raise StartError(sentence) from error
    for finding in examine(settings, host=host):
        if finding.weight == "dangerous":
            _log.warning("%s %s", finding.sentence, finding.remedy)
    # Here, once, before several processes would, and while a fault can still be told in a sentence.
    asyncio.run(_prepare(settings))
    if settings.frontend_url is None:
        # Links lead to where this service listens; the processes that serve read their settings for themselves.
        hand_down(FRONTEND_URL=f"http://{f'[{host}]' if ':' in host else host}:{port}")
    uvicorn.run(
        factory,
        factory=True,
        host=host,
        port=port,
        workers=workers,
        reload=reload,
        **uvicorn_options(),
    )


def app(*, mailer: Mailer | None = None) -> "ASGIApp":
    """Return the whole service as an ASGI app, for any server that speaks the lifespan protocol.

    Mail leaves by `mailer`, where there is one, and else as MAIL_URL says.
    """
    # Loaded here and not above: the rest of the command line has no need of the web.
    from auth_service.api.service import Service  # noqa: PLC0415

    settings = present_settings()
    set_up_log(settings.log_format)
    return Service(lambda: running(settings, mailer))


@asynccontextmanager
async def running(settings: Settings, mailer: Mailer | None = None) -> "AsyncIterator[ASGIApp]":
    """Give the app of an open core, with its postman and its upkeep at work."""
    from auth_service.api.app import create_app  # noqa: PLC0415
    from auth_service.api.cors import CrossOrigin  # noqa: PLC0415
    from auth_service.api.log import RequestLog  # noqa: PLC0415
    from auth_service.api.proxies import BehindProxies, UnnamedProxy  # noqa: PLC0415
    from auth_service.api.straight import StraightRoad  # noqa: PLC0415

    # In a thread and before anybody asks: read in the middle of a request, they would hold others up.
    await asyncio.to_thread(learn)
    async with open_works(settings, mailer) as works, at_work(works):
        made = create_app(works.core, options_of(settings, works.keys.signer.public_keys), ping=works.ping)
        # What is there now stays: the collector need not look at it again and again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 50)
        road: ASGIApp = StraightRoad(made)
        open_to_others = CrossOrigin(road, settings.cors_origins) if settings.cors_origins else road
        logged = RequestLog(open_to_others, request_writer(settings.log_format), bind_request)
        proxies = settings.trusted_proxies
        yield BehindProxies(logged, proxies) if proxies else UnnamedProxy(logged)


def openapi(settings: Settings) -> dict[str, object]:
    """Return the OpenAPI document of both dialects as these settings make them."""
    from auth_service.api.openapi import describe_service  # noqa: PLC0415

    return describe_service(settings.policy(), options_of(settings))


async def _prepare(settings: Settings) -> None:
    """Find out what cannot be used, and make what is missing."""
    if settings.throttling and settings.throttle_url:
        async with counts_in_redis(settings.throttle_url) as counts:
            if why := await counts.why_unusable():
                shown = hide_credentials(settings.throttle_url)
                raise StartError(f"The counts at {shown} cannot be had: {why}. Set THROTTLE_URL.")
    with told():
        database = await place_of(settings).open()
    try:
        async with recording(database, secret_of(settings)) as journal:
            await watch_keys(settings, database, journal)
    finally:
        await database.close()
    mail_writer(settings)


def options_of(settings: Settings, keys: Callable[[], Sequence[dict[str, str]]] = list) -> "Options":
    """Return how these settings have the service look from outside."""
    from auth_service.api.djoser.desk import Retypes  # noqa: PLC0415
    from auth_service.api.options import Options  # noqa: PLC0415

    return Options(
        retypes=Retypes(**{name: getattr(settings, name) for name in Retypes.__struct_fields__}),
        keys=keys,
        insecure_cookies=settings.debug,
        throttles=settings.throttling,
        site_name=settings.site_name,
        named_origins=tuple(origin for origin in settings.cors_origins if origin != "*"),
        pages=_look(settings) if settings.pages else None,
    )


def _look(settings: Settings) -> "Look":
    from auth_service.api.pages.look import Look  # noqa: PLC0415

    appearance = Appearance(site_name=settings.site_name, logo_url=settings.logo_url, accent=settings.accent_color)
    own = settings.templates_dir / "pages" if settings.templates_dir else None
    return Look(appearance, templates=own, language=settings.language)


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening
