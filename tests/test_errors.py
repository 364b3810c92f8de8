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
    UpstreamBroken,
    UpstreamFault,
    forget_frames,
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
    assert made == set(errors.__all__) - {"Fault", "forget_frames"}
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


def broken() -> UpstreamBroken:
    """Return an error with a cause, which came while another one was handled."""
    try:
        try:
            try:
                raise KeyError("context")
            except KeyError:
                raise ValueError("cause")  # noqa: B904 - the context is what is looked at
        except ValueError as error:
            raise UpstreamBroken("outer") from error
    except UpstreamBroken as error:
        return error


def test_an_error_that_was_dealt_with_holds_no_frame_nor_do_those_it_came_from() -> None:
    error = broken()
    cause = error.__cause__
    assert cause is not None and cause.__context__ is not None
    chain = (error, cause, cause.__context__)
    assert all(each.__traceback__ is not None for each in chain)
    forget_frames(error)
    assert [each.__traceback__ for each in chain] == [None] * 3


def test_errors_that_came_from_each_other_are_forgotten_once() -> None:
    error = broken()
    assert error.__cause__ is not None
    error.__cause__.__cause__ = error
    forget_frames(error)
    assert error.__cause__.__traceback__ is None
