"""Service tiers by one name, whoever names them."""

import pytest

from llm_gateway.canonical.tiers import tier_of


@pytest.mark.parametrize(
    ("told", "tier"),
    [
        ("default", ""),
        ("auto", ""),
        ("standard", ""),
        ("on_demand", ""),
        ("ON_DEMAND", ""),
        ("unspecified", ""),
        ("TRAFFIC_TYPE_UNSPECIFIED", ""),
        ("SERVICE_TIER_STANDARD", ""),
        ("flex", "flex"),
        ("ON_DEMAND_FLEX", "flex"),
        ("SERVICE_TIER_PRIORITY", "priority"),
        ("priority", "priority"),
        ("batch", "batch"),
        ("scale", "scale"),
        ("PROVISIONED_THROUGHPUT", "provisioned_throughput"),
        ("", ""),
        (None, ""),
        (7, ""),
        ("x" * 33, ""),
        ("flex\n", ""),
        ("größer", ""),
    ],
)
def test_a_tier_has_one_name(told: object, tier: str) -> None:
    assert tier_of(told) == tier
