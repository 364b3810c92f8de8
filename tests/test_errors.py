"""One error tree: the picture on top of it is true, and every error says whose fault it is."""

import re

import pytest

from llm_gateway import errors
from llm_gateway.errors import (
    ClientFault,
    ConfigError,
    GatewayError,
    GatewayFault,
    MalformedRequest,
    MethodNotAllowed,
    UpstreamFault,
)

LINE = re.compile(r"[│ ]*[├└]── (\w+) +(\d{3}) {3}(\w+)")
HEADING = re.compile(r"[├└]── (\w+)")


def below(kind: type[GatewayError]) -> list[type[GatewayError]]:
    return [leaf for each in kind.__subclasses__() for leaf in (below(each) or [each])]


LEAVES = below(GatewayError)


def test_the_picture_lists_exactly_the_classes_with_status_and_kind() -> None:
    assert errors.__doc__ is not None
    drawn: dict[str, list[tuple[str, int, str]]] = {}
    family = ""
    for line in errors.__doc__.splitlines():
        if heading := HEADING.match(line):
            family = heading[1]
        elif found := LINE.match(line):
            drawn.setdefault(family, []).append((found[1], int(found[2]), found[3]))
    assert drawn == {
        kind.__name__: [(leaf.__name__, leaf.status, leaf.kind) for leaf in below(kind)]
        for kind in GatewayError.__subclasses__()
    }


def test_the_picture_is_in_the_order_of_status() -> None:
    for kind in GatewayError.__subclasses__():
        statuses = [leaf.status for leaf in below(kind)]
        assert statuses == sorted(statuses)


def test_every_class_is_exported() -> None:
    made = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    assert made == set(errors.__all__) - {"Fault"}
    assert {leaf.__name__ for leaf in LEAVES} < made


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_an_error_says_whose_fault_it_is_and_can_be_shown(kind: type[GatewayError]) -> None:
    families: dict[type[GatewayError], str] = {
        ClientFault: "client",
        UpstreamFault: "upstream",
        GatewayFault: "gateway",
    }
    assert [fault for family, fault in families.items() if issubclass(kind, family)] == [kind.fault]
    assert (400 <= kind.status < 500) is (kind.fault == "client")
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", kind.kind)
    assert kind.__doc__ and kind.__doc__.strip().endswith(".")


def test_kinds_are_names_of_one_thing() -> None:
    kinds = [kind.kind for kind in LEAVES]
    assert len(set(kinds)) == len(kinds)


def test_a_retry_helps_where_it_was_not_the_clients_fault_nor_a_defect_of_ours() -> None:
    retryable = {kind.__name__ for kind in LEAVES if kind.retryable}
    upstream = {kind.__name__ for kind in LEAVES if issubclass(kind, UpstreamFault)}
    assert retryable == upstream | {
        "AuditUnavailable",
        "LimitReached",
        "BudgetReached",
        "CoolingDown",
        "LedgerUnavailable",
        "ContentUnavailable",
        "TooManyConnections",
        "Draining",
        "GatewayAway",
    }


def test_an_error_carries_its_message_and_the_field_at_fault() -> None:
    error = MalformedRequest("`model` is missing", param="model")
    assert (error.message, str(error), error.param) == ("`model` is missing",) * 2 + ("model",)
    assert MalformedRequest("no").param is None
    assert MethodNotAllowed("no", allowed=("GET",)).allowed == ("GET",)


def test_a_wrong_configuration_is_nothing_that_a_client_meets() -> None:
    assert not issubclass(ConfigError, GatewayError)
