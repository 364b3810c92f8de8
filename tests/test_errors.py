"""One tree of errors: the picture on top of the module is the tree, and every leaf knows what it is."""

import re

import pytest

from llm_gateway import errors
from llm_gateway.errors import ClientFault, GatewayError, GatewayFault, UpstreamFault, UpstreamTimeout

DRAWN = re.compile(r"[├└]── (\w+) +(\d{3}) +(\w+)")


def leaves() -> list[type[GatewayError]]:
    named = [getattr(errors, name) for name in errors.__all__]
    kinds = [kind for kind in named if isinstance(kind, type) and issubclass(kind, GatewayError)]
    return [kind for kind in kinds if not kind.__subclasses__()]


def test_the_picture_is_the_tree() -> None:
    drawn = {(name, int(status), kind) for name, status, kind in DRAWN.findall(errors.__doc__ or "")}
    assert drawn == {(leaf.__name__, leaf.status, leaf.kind) for leaf in leaves()}


def test_kinds_are_told_apart_and_statuses_fit_the_fault() -> None:
    kinds = [leaf.kind for leaf in leaves()]
    assert len(kinds) == len(set(kinds))
    branches: dict[type, str] = {ClientFault: "client", UpstreamFault: "upstream", GatewayFault: "gateway"}
    for leaf in leaves():
        assert leaf.fault == branches[leaf.mro()[1]]
        assert (400 <= leaf.status < 500) == (leaf.fault == "client")


def test_only_what_may_pass_is_worth_another_try() -> None:
    retryable = {leaf.kind for leaf in leaves() if leaf.retryable}
    assert retryable == {
        "upstream_unreachable",
        "upstream_broken",
        "upstream_truncated",
        "upstream_timeout",
        "ledger_unavailable",
        "draining",
    }


def test_an_error_carries_its_message_and_the_field_at_fault() -> None:
    with pytest.raises(UpstreamFault, match="too slow") as caught:
        raise UpstreamTimeout("too slow", param="model")
    assert (caught.value.message, caught.value.param) == ("too slow", "model")
    assert UpstreamTimeout("x").param is None
