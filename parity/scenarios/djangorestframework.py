"""Django REST framework: views and viewsets, their errors, those that the framework handles and those it does not."""

from __future__ import annotations

import json
import logging
from typing import Any

import django
from django.conf import settings
from steps import step

SETTINGS = {"DD_SERVICE": "Teahouse"}

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    REST_FRAMEWORK={"DEFAULT_AUTHENTICATION_CLASSES": [], "UNAUTHENTICATED_USER": None},
    ROOT_URLCONF="__main__",
    SECRET_KEY="leaf",
)
logging.disable(logging.CRITICAL)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.urls import include, path  # noqa: E402
from rest_framework import exceptions, serializers, viewsets  # noqa: E402
from rest_framework.decorators import api_view  # noqa: E402
from rest_framework.request import Request  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.routers import SimpleRouter  # noqa: E402
from rest_framework.views import APIView  # noqa: E402


class Tea(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=10)


class Teas(APIView):
    def get(self, request: Request, cups: int) -> Response:
        return Response({"cups": cups})

    def post(self, request: Request, cups: int) -> Response:
        tea = Tea(data=request.data)
        tea.is_valid(raise_exception=True)
        return Response(tea.data, status=201)


class Missing(APIView):
    def get(self, request: Request) -> Response:
        raise exceptions.NotFound


class SoldOut(exceptions.APIException):
    status_code = 503


class Later(APIView):
    def get(self, request: Request) -> Response:
        raise SoldOut("no tea")


class Boom(APIView):
    def get(self, request: Request) -> Response:
        raise ValueError("no tea")


class Answered(APIView):
    def get(self, request: Request) -> Response:
        return Response({}, status=500)


class Shelf(viewsets.ViewSet):
    def list(self, request: Request) -> Response:
        return Response([])

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(pk)


@api_view(["GET"])
def front(request: Request) -> Response:
    return Response("tea")


router = SimpleRouter()
router.register("shelves", Shelf, basename="shelf")
urlpatterns = [
    path("front/", front),
    path("teas/<int:cups>/", Teas.as_view()),
    path("missing/", Missing.as_view()),
    path("later/", Later.as_view()),
    path("boom/", Boom.as_view()),
    path("answered/", Answered.as_view()),
    path("", include(router.urls)),
]
application = get_wsgi_application()


def ask(path: str, method: str = "GET", data: Any = None) -> str:
    answered: list[str] = []
    body = None if data is None else json.dumps(data)
    request = RequestFactory().generic(method, path, body or "", content_type="application/json")
    response = application(request.environ, lambda status, *_args: answered.append(status))
    b"".join(response)
    response.close()
    return answered[0][:3]


with step("a view that is a function"):
    assert ask("/front/") == "200"

with step("a view that is a class"):
    assert ask("/teas/2/") == "200"

with step("something is made"):
    assert ask("/teas/2/", "POST", {"name": "green"}) == "201"

with step("something is refused"):
    assert ask("/teas/2/", "POST", {"name": "a very long name"}) == "400"

with step("no such method"):
    assert ask("/teas/2/", "PATCH", {}) == "405"

with step("a 404 that the framework handles"):
    assert ask("/missing/") == "404"

with step("a 503 that the framework handles"):
    assert ask("/later/") == "503"

with step("an exception that it does not handle"):
    assert ask("/boom/") == "500"

with step("an error that is answered"):
    assert ask("/answered/") == "500"

with step("a viewset's list"):
    assert ask("/shelves/") == "200"

with step("one of a viewset"):
    assert ask("/shelves/7/") == "200"
