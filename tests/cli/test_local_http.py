"""One request over a real socket."""

import pytest

from llm_gateway.cli.local_http import ask
from scripted import ScriptedUpstream, Send


def test_status_fields_and_body_come_back() -> None:
    with ScriptedUpstream() as upstream:
        upstream.queue((Send(b"HTTP/1.1 418 Teapot\r\nX-Kind: pot\r\ncontent-length: 2\r\n\r\nhi"),))
        status, fields, body = ask(upstream.url, ("POST", "/pot"), b"{}", {"X-From": "here"}, 5.0)
        assert (status, fields["x-kind"], body) == (418, "pot", b"hi")
        asked = upstream.asked()[0]
        assert (asked.method, asked.target, asked.body) == ("POST", "/pot", b"{}")


def test_what_is_not_http_is_nobody() -> None:
    with ScriptedUpstream() as upstream:
        upstream.queue((Send(b"220 mail.example ready\r\n\r\n"),))
        with pytest.raises(OSError, match="not HTTP"):
            ask(upstream.url, ("POST", "/"), b"", {}, 5.0)
