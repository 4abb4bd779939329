"""A Django project as others have it: it keeps no accounts, and takes our tokens by simplejwt's `JWK_URL`."""

from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path

urlpatterns: list[Any] = []


def resource_server(jwks: str) -> Any:  # noqa: ANN401 - Django has no annotations
    """Return the project as a WSGI app; a process can have one."""
    settings.configure(
        SECRET_KEY="this project's own, and nothing to us",
        ALLOWED_HOSTS=["resource.example"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
        MIDDLEWARE=[],
        LOGGING_CONFIG=None,
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": [
                "rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication"
            ],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        },
        SIMPLE_JWT={"ALGORITHM": "ES256", "JWK_URL": jwks},
    )
    django.setup()
    # They want the settings first.
    from rest_framework.decorators import api_view  # noqa: PLC0415
    from rest_framework.response import Response  # noqa: PLC0415

    @api_view(["GET"])  # type: ignore[untyped-decorator]
    def whoami(request: Any) -> Any:  # noqa: ANN401 - Django has no annotations
        return Response({"id": request.user.id})

    urlpatterns.append(path("whoami", whoami))
    return get_wsgi_application()
