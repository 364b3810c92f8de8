"""A subscriber's own login: told from a key, passed on for whom its vendor lets, and never readable."""

import pytest

from llm_gateway.errors import Forbidden
from llm_gateway.providers.catalog import load_catalog
from llm_gateway.providers.logins import login_in
from llm_gateway.wire.headers import Headers

KEY = (b"x-llm-gateway-key", b"lgw_1")
CLAUDE = (b"authorization", b"Bearer sk-ant-oat01-canary")
CHATGPT: Headers = [(b"authorization", b"bearer eyJcanary"), (b"chatgpt-account-id", b"acct")]
ROWS = load_catalog()


@pytest.mark.parametrize(
    ("headers", "client", "provider"),
    [
        ([KEY, CLAUDE], "claude-code", "claude-login"),
        ([KEY, *CHATGPT], "codex-cli", "chatgpt-login"),
        ([KEY, *CHATGPT], "codex-desktop", "chatgpt-login"),
    ],
)
def test_a_login_beside_a_gateway_key_is_passed_on(headers: Headers, client: str, provider: str) -> None:
    login = login_in(headers, client, ROWS)
    assert login is not None and login.provider == provider
    assert login.fields().startswith(b"authorization: Bearer ") and login.fields().endswith(b"canary\r\n")


@pytest.mark.parametrize(
    "headers",
    [
        [CLAUDE],
        [KEY],
        [KEY, (b"authorization", b"Bearer sk-ant-api03-x")],
        [KEY, (b"authorization", b"Bearer lgw_2")],
        [KEY, (b"authorization", b"Basic sk-ant-oat01-x")],
        [KEY, (b"authorization", b"Bearer ")],
        [KEY, CHATGPT[0]],
        [KEY, (b"x-api-key", b"sk-ant-oat01-x")],
    ],
    ids=[
        "no gateway key",
        "no login",
        "an API key",
        "our own",
        "basic",
        "nothing",
        "no account",
        "elsewhere",
    ],
)
def test_anything_else_is_none(headers: Headers) -> None:
    assert login_in(headers, "claude-code", ROWS) is None


@pytest.mark.parametrize(
    ("headers", "client"),
    [
        ([KEY, CLAUDE], "opencode"),
        ([KEY, CLAUDE], "openai-compatible"),
        ([KEY, CLAUDE, (b"user-agent", b"claude-cli/2 (external, claude-desktop-3p)")], "claude-code"),
        ([KEY, *CHATGPT], "claude-code"),
    ],
)
def test_whom_its_vendor_does_not_let_is_refused_with_the_reason(headers: Headers, client: str) -> None:
    with pytest.raises(Forbidden) as refused:
        login_in(headers, client, ROWS)
    assert "not passed on" in refused.value.message and "canary" not in refused.value.message


def test_the_account_beside_it_is_told_where_a_field_names_one() -> None:
    rows = load_catalog()
    token = (b"authorization", b"Bearer eyJ.a.b")
    headers: Headers = [(b"x-llm-gateway-key", b"lgw_x"), token, (b"chatgpt-account-id", b"acct-1")]
    found = login_in(headers, "codex-cli", rows)
    assert found is not None and found.account == b"acct-1"
    claude: Headers = [(b"x-llm-gateway-key", b"lgw_x"), (b"authorization", b"Bearer sk-ant-oat01-x")]
    found = login_in(claude, "claude-code", rows)
    assert found is not None and found.account == b""


def test_it_has_no_readable_form() -> None:
    login = login_in([KEY, CLAUDE], "claude-code", ROWS)
    assert "canary" not in repr(login) and "canary" not in str(login)
