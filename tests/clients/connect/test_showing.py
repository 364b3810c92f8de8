"""What a person sees of a change."""

from pathlib import Path

import pytest

from llm_gateway.clients.connect.files import Change
from llm_gateway.clients.connect.showing import masked, shown


@pytest.mark.parametrize(
    "text, seen",
    [
        ('"ANTHROPIC_AUTH_TOKEN": "sk-ant-0123456789",', '"ANTHROPIC_AUTH_TOKEN": "…",'),
        ("OPENAI_API_KEY=abcdef # mine", "OPENAI_API_KEY=… # mine"),
        ("openai-api-key: 'ab cd'", "openai-api-key: '…'"),
        ('apiKey = "lgw_0123456789abcdWXYZ"', 'apiKey = "lgw_…WXYZ"'),
        ("x-llm-gateway-key: lgw_0123456789abcdWXYZ", "x-llm-gateway-key: lgw_…WXYZ"),
        ("Authorization: Bearer abcdefghijkl", "Authorization: …"),
        ("command --header eyJhbGciOiJIUzI1NiJ9.e30", "command --header …"),
        ("id = 0123456789abcdef0123456789abcdef", "id = …"),
        ('"author": "Ada"', '"author": "Ada"'),
        ('"requires_openai_auth": true', '"requires_openai_auth": true'),
        ('env_key = "OPENAI_API_KEY"', 'env_key = "OPENAI_API_KEY"'),
        ('model = "gpt-5.5"', 'model = "gpt-5.5"'),
        ("base_url = http://127.0.0.1:8787/v1", "base_url = http://127.0.0.1:8787/v1"),
        ('"max_tokens": 128000', '"max_tokens": 128000'),
        ('"db": "postgres://ada:hunter2@db.test/x"', '"db": "postgres://…@db.test/x"'),
        ('"args": ["--api-key", "hunter2"]', '"args": ["--api-key", "…"]'),
        ('"passphrase": "two words"', '"passphrase": "…"'),
        ('pwd = "hunter2"', 'pwd = "…"'),
        ('"x": "-----BEGIN PRIVATE KEY-----', '"x": "…'),
        ("[hf_0123456789abcdef]", "[…]"),
        ('"hook_webhook": "https://hooks.test/T0/B0/x"', '"hook_webhook": "…"'),
        ('url = "https://a.test/b@c"', 'url = "https://a.test/b@c"'),
    ],
)
def test_secrets_are_covered(text: str, seen: str) -> None:
    assert masked(text) == seen


@pytest.mark.parametrize(
    "text",
    ['"token":\n  "hunter2"', '"apiKeys": [\n"hunter2",\n"hunter2"\n]', 'key = """\nhunter2\nhunter2"""'],
)
def test_a_secret_below_its_name_is_covered(text: str) -> None:
    after = f"{text}\nlast = 1\n".encode()
    for before, then in ((None, after), (after, None), (b"first\n", after)):
        told = shown(Change(Path("/f"), before, then, 0o600, 0o600), "f")
        assert "hunter2" not in told and "last = 1" in told


def test_a_change_is_a_diff_with_a_line_around() -> None:
    before, after = b"a\nb\nc\nd\n", b"a\nb\nx\nd\n"
    told = shown(Change(Path("/f"), before, after, 0o644, 0o600), "~/f")
    assert told == ("--- ~/f\n+++ ~/f\n@@ -2,3 +2,3 @@\n b\n-c\n+x\n d\nmode of ~/f: 0644 becomes 0600")
    assert (
        shown(Change(Path("/f"), None, b"x\n", 0o600, 0o600), "~/f")
        == "--- nothing\n+++ ~/f\n@@ -0,0 +1 @@\n+x"
    )
    assert shown(Change(Path("/f"), b"x", None, 0o600, 0o600), "~/f").endswith("\n-x")
    assert shown(Change(Path("/f"), before, before, 0o600, 0o600), "~/f") == ""
