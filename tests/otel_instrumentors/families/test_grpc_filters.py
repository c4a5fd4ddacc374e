"""Conditions of gRPC's option `filter_`, those of OpenTelemetry's own instrumentor by their names."""

from __future__ import annotations

from typing import Any

import pytest

from otel_instrumentors.families import grpc_filters as filters

ORDER = "/tea.v1.House/Order"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (filters.method_name("Order"), True),
        (filters.method_name("Ord"), False),
        (filters.method_prefix("Ord"), True),
        (filters.method_prefix("tea"), False),
        (filters.full_method_name(ORDER), True),
        (filters.full_method_name("Order"), False),
        (filters.service_name("tea.v1.House"), True),
        (filters.service_name("tea"), False),
        (filters.service_prefix("tea."), True),
        (filters.service_prefix("Order"), False),
        (filters.health_check(), False),
        (filters.negate(filters.health_check()), True),
        (filters.all_of(filters.method_name("Order"), filters.service_name("tea.v1.House")), True),
        (filters.all_of(filters.method_name("Order"), filters.service_name("coffee")), False),
        (filters.any_of(filters.method_name("Pour"), filters.method_name("Order")), True),
        (filters.any_of(filters.method_name("Pour"), filters.method_name("Echo")), False),
    ],
)
def test_a_condition_holds_for_the_calls_that_its_name_says(condition: Any, holds: bool) -> None:
    assert condition(filters.CallDetails(ORDER, ORDER, None, None, None)) is holds


def test_a_health_check_is_known_by_its_service() -> None:
    check = "/grpc.health.v1.Health/Check"
    assert filters.health_check()(filters.CallDetails(check, check, None, None, None))
