"""A subscriber's own login in a request: told from an API key, and who may have it passed on. Pure.

It is only looked for beside a gateway key in a header of ours: there alone does a client mean both. What is
found goes to the login's own vendor or nowhere; it is kept by nobody, and it has no readable form.
"""

from collections.abc import Iterable

from llm_gateway.errors import Forbidden
from llm_gateway.providers.catalog import ProviderRow
from llm_gateway.wire.headers import Headers, get

__all__ = ["PassedLogin", "login_in"]

_GATEWAY_KEY = b"x-llm-gateway-key"


class PassedLogin:
    """A login that comes with a request: for which provider, and the header lines that carry it there.

    `account` is what the field beside it says, b"" where there is none.
    """

    __slots__ = ("_fields", "account", "provider", "row")

    def __init__(self, row: ProviderRow, fields: bytes, account: bytes = b"") -> None:
        self.row = row
        self.provider = row.name
        self.account = account
        self._fields = fields

    def __repr__(self) -> str:
        """Name the provider and nothing secret."""
        return f"PassedLogin({self.provider})"

    def fields(self) -> bytes:
        """Return the header lines, for a request to the provider and for nothing else."""
        return self._fields


def login_in(headers: Headers, client: str, rows: Iterable[ProviderRow]) -> PassedLogin | None:
    """Return the login that a client sends beside its gateway key, None where it sends none.

    Forbidden says why it is not passed on where its vendor does not want that.
    """
    if get(headers, _GATEWAY_KEY) is None:
        return None
    scheme, _, token = (get(headers, b"authorization") or b"").strip(b" \t").partition(b" ")
    token = token.strip(b" \t")
    if scheme.lower() != b"bearer" or not token:
        return None
    for row in rows:
        login = row.login
        if login is None or not token.startswith(login.prefix.encode()):
            continue
        beside = get(headers, login.beside.encode()) if login.beside else b""
        if beside is None:
            continue
        agent = (get(headers, b"user-agent") or b"").lower()
        if client not in login.clients or any(entry.encode() in agent for entry in login.entries):
            raise Forbidden(f"this login is not passed on: {login.forbids}")
        return PassedLogin(row, b"authorization: Bearer %b\r\n" % token, beside)
    return None
