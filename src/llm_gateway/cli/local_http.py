"""One request to the gateway on this machine, by the standard library's client.

Apart from `local_api.py`, because a gateway that runs asks nobody: `http.client` brings the whole of `email`.
"""

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

__all__ = ["ask"]


def ask(
    url: str, line: tuple[str, str], body: bytes, headers: Mapping[str, str], timeout: float
) -> tuple[int, dict[str, str], bytes]:
    """Send a request, `line` being its method and path; return status, header fields and body.

    OSError when nobody answers, or not in HTTP.
    """
    connection = _connect(url, timeout)
    try:
        connection.request(*line, body or None, dict(headers))
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    except http.client.HTTPException as error:
        raise OSError(f"the answer is not HTTP: {type(error).__name__}") from error
    finally:
        connection.close()


def _connect(url: str, timeout: float) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port
    if parts.scheme == "https":
        # The certificate names the gateway as others see it; on this machine the owner's token, read
        # from a private file, is what both sides go by.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, port, timeout=timeout)
