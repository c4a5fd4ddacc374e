"""A small API for the tests of Django REST framework. Imported only once that may be."""

from __future__ import annotations

from typing import Any

from django.test import RequestFactory
from django.urls import include, path

import tests.otel_instrumentors.django_site  # noqa: F401  (configures Django)

from rest_framework import exceptions, serializers, viewsets  # isort: skip
from rest_framework.decorators import api_view  # isort: skip
from rest_framework.renderers import JSONRenderer  # isort: skip
from rest_framework.request import Request  # isort: skip
from rest_framework.response import Response  # isort: skip
from rest_framework.routers import SimpleRouter  # isort: skip
from rest_framework.views import APIView  # isort: skip

__all__ = ["RequestFactory", "Teas", "failing", "urlpatterns"]


class View(APIView):
    renderer_classes = (JSONRenderer,)


class Tea(serializers.Serializer):  # type: ignore[type-arg]
    name = serializers.CharField(max_length=10)


class Teas(View):
    def get(self, request: Request, cups: int) -> Response:
        return Response({"cups": cups})

    def post(self, request: Request, cups: int) -> Response:
        tea = Tea(data=request.data)
        tea.is_valid(raise_exception=True)
        return Response(tea.data, status=201)


class Missing(View):
    def get(self, request: Request) -> Response:
        raise exceptions.NotFound


class SoldOut(exceptions.APIException):
    status_code = 503


class Later(View):
    def get(self, request: Request) -> Response:
        raise SoldOut("no tea")


class Boom(View):
    def get(self, request: Request) -> Response:
        raise ValueError("no tea")


class Answered(View):
    def get(self, request: Request) -> Response:
        return Response({}, status=500)


class Shelf(viewsets.ViewSet):
    renderer_classes = (JSONRenderer,)

    def retrieve(self, request: Request, pk: Any) -> Response:
        return Response(pk)


@api_view(["GET"])
def front(request: Request) -> Response:
    return Response("tea")


failing = Missing.as_view()
router = SimpleRouter()
router.register("shelves", Shelf, "shelf")
urlpatterns = [
    path("front/", front),
    path("teas/<int:cups>/", Teas.as_view()),
    path("missing/", failing),
    path("sold-out/", Later.as_view()),
    path("boom/", Boom.as_view()),
    path("answered/", Answered.as_view()),
    path("", include(router.urls)),
]
