"""What Microsoft's refusals mean: a state each, a way out, and nothing of what Microsoft says of people."""

import json

import pytest

from bridges.m365.fake_vendor import CLIENT_ID, GRAPH
from llm_gateway.bridges.asking import Reply, unanswered
from llm_gateway.bridges.faults import BridgeFault, FaultKind
from llm_gateway.bridges.m365.places import place_of
from llm_gateway.bridges.m365.refusals import Origin, login_refused, read_refused, service_refused
from llm_gateway.errors import (
    UpstreamBroken,
    UpstreamFault,
    UpstreamTimeout,
    UpstreamTruncated,
    UpstreamUnreachable,
)

NOW = 1_700_000_000.0
ORIGIN = Origin(place_of("graph", {}), "organizations", CLIENT_ID)
WORK = Origin(place_of("workiq", {}), "contoso.example", CLIENT_ID)
SAID = "The account ada@contoso.example in tenant contoso may not."


def login(
    status: int, error: str, code: str = "", suberror: str = "", origin: Origin = ORIGIN
) -> BridgeFault:
    body = {"error": error, "error_description": f"{code}: {SAID}", "suberror": suberror}
    return login_refused(Reply(status, [], json.dumps(body).encode()), origin, NOW)


def service(status: int, code: str = "", message: str = SAID, retry: bytes = b"") -> BridgeFault:
    headers = [(b"retry-after", retry)] if retry else []
    body = json.dumps({"error": {"code": code, "message": message}}).encode()
    return service_refused(Reply(status, headers, body), ORIGIN, GRAPH, NOW)


@pytest.mark.parametrize(
    ("error", "code", "suberror", "kind"),
    [
        ("invalid_grant", "AADSTS70008", "", "auth_required"),
        ("invalid_grant", "AADSTS50173", "", "auth_required"),
        ("invalid_grant", "AADSTS50076", "basic_action", "auth_required"),
        ("interaction_required", "AADSTS50079", "", "auth_required"),
        ("invalid_grant", "AADSTS65001", "", "consent_required"),
        ("invalid_grant", "AADSTS999999", "consent_required", "consent_required"),
        ("access_denied", "AADSTS90094", "", "consent_required"),
        ("access_denied", "AADSTS65004", "", "auth_required"),
        ("invalid_resource", "AADSTS500011", "", "consent_required"),
        ("invalid_grant", "AADSTS50105", "", "not_entitled"),
        ("access_denied", "AADSTS53003", "", "not_entitled"),
        ("unauthorized_client", "AADSTS700016", "", "auth_required"),
        ("invalid_client", "AADSTS7000218", "", "auth_required"),
        ("invalid_request", "AADSTS90014", "", "auth_required"),
        ("what", "", "", "auth_required"),
    ],
)
def test_a_refused_login_has_a_state_and_a_way_out(
    error: str, code: str, suberror: str, kind: FaultKind
) -> None:
    fault = login(400, error, code, suberror)
    assert fault.kind == kind
    assert (code or error) in fault.message or "declined" in fault.message
    assert "contoso" not in fault.message


def test_consent_names_the_page_and_what_to_agree_to() -> None:
    fault = login(400, "invalid_grant", "AADSTS650052", origin=WORK)
    assert fault.action is not None
    assert fault.action.url == (
        f"https://login.microsoftonline.com/contoso.example/adminconsent?client_id={CLIENT_ID}"
    )
    assert "fdcc1f02-fc51-4226-8753-f668596af7f7" in fault.action.text
    no_app = Origin(ORIGIN.place, "organizations", "")
    action = login(400, "invalid_grant", "AADSTS65001", origin=no_app).action
    assert action is not None and action.url == ""


@pytest.mark.parametrize(
    ("status", "kind", "retry_after"),
    [(429, "rate_limited", 9.0), (500, "bridge_failed", 9.0), (503, "bridge_failed", 9.0),
     (502, "upstream_timeout", None), (504, "upstream_timeout", None), (418, "bridge_failed", None)],
)  # fmt: skip
def test_an_identity_platform_in_trouble_is_no_missing_login(
    status: int, kind: FaultKind, retry_after: float | None
) -> None:
    fault = login_refused(Reply(status, [(b"retry-after", b"9")], b"<html>"), ORIGIN, NOW)
    assert (fault.kind, fault.retry_after) == (kind, retry_after)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (401, "InvalidAuthenticationToken", SAID, "auth_required"),
        (401, "x", "AADSTS500011: not enabled", "consent_required"),
        (403, "Forbidden", SAID, "not_entitled"),
        (402, "", SAID, "not_entitled"),
        (400, "BadRequest", "The user has no license.", "not_entitled"),
        (404, "NotFound", SAID, "bridge_failed"),
        (408, "", SAID, "upstream_timeout"),
        (409, "Conflict", SAID, "refused"),
        (413, "", SAID, "refused"),
        (500, "", "license server", "bridge_failed"),
        (502, "", SAID, "upstream_timeout"),
        (504, "", SAID, "upstream_timeout"),
    ],
)
def test_a_refused_turn_has_a_state(status: int, code: str, message: str, kind: FaultKind) -> None:
    fault = service(status, code, message)
    assert fault.kind == kind
    assert "contoso" not in fault.message and "license server" not in fault.message


def test_a_limit_says_when_it_ends() -> None:
    fault = service(429, "TooManyRequests", retry=b"30")
    assert (fault.kind, fault.retry_after, fault.resets_us) == ("rate_limited", 30.0, 1_700_000_030_000_000)
    at = service(429, retry=b"Tue, 14 Nov 2023 22:13:40 GMT")
    assert at.retry_after == 20.0
    unknown = service(429)
    assert (unknown.retry_after, unknown.resets_us) == (None, 0)


def test_a_licence_is_told_from_a_permission() -> None:
    assert "a Microsoft 365 Copilot licence" in service(403, "Forbidden").message
    lacking = service_refused(Reply(403, [], b""), ORIGIN, ("Mail.Read",), NOW)
    assert "it lacks Sites.Read.All" in lacking.message and "Mail.Read," not in lacking.message
    unknown = service_refused(Reply(403, [], b""), WORK, (), NOW)
    assert "usage-based billing plan" in unknown.message


def test_a_code_that_is_a_sentence_is_not_passed_on() -> None:
    assert "(400)" in service(400, "ada at contoso, please").message
    assert read_refused(b'{"error": "ada at contoso"}').code == ""
    assert read_refused(b"[]").code == ""


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (UpstreamTimeout("late"), "upstream_timeout"),
        (UpstreamUnreachable("no"), "bridge_unreachable"),
        (UpstreamTruncated("cut"), "bridge_disconnected"),
        (UpstreamBroken("odd"), "bridge_failed"),
        (UpstreamFault("other"), "bridge_failed"),
    ],
)
def test_what_got_no_answer_has_a_kind_as_well(fault: UpstreamFault, kind: FaultKind) -> None:
    told = unanswered("Work IQ", fault)
    assert (told.kind, told.message.startswith("Work IQ")) == (kind, True)
