"""The service tier of an answer, by one name whatever its provider calls it; "" for the usual one.

What prices depend on is who was served before whom: `batch`, `flex`, `priority`, `fast`. Not what a client
asked for, which a provider need not grant.
"""

__all__ = ["tier_of"]

# platform.openai.com, "service_tier": `auto` is a question, never an answer. platform.claude.com, "Service
# tiers": `standard`. console.groq.com, "Service tiers": `on_demand`. ai.google.dev, "Priority inference":
# `standard`, `unspecified`; Vertex AI, "TrafficType": `ON_DEMAND`.
_USUAL = frozenset(
    (
        "",
        "auto",
        "default",
        "standard",
        "on_demand",
        "unspecified",
        "traffic_type_unspecified",
        "standard_only",
    )
)
_BEFORE = ("service_tier_", "on_demand_")
_LONGEST = 32


def tier_of(told: object) -> str:
    """Return the tier that somebody told, "" for the usual one, or for what is none."""
    if told is None or (isinstance(told, str) and told in _USUAL):
        return ""
    if not isinstance(told, str) or len(told) > _LONGEST or not told.isascii() or not told.isprintable():
        return ""
    name = told.lower()
    for before in _BEFORE:
        name = name.removeprefix(before)
    return "" if name in _USUAL else name
