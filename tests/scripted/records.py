"""What the scripted upstream remembers: requests as they came, connections and how they ended."""

import json
from dataclasses import dataclass
from functools import cached_property

__all__ = ["Connected", "Received"]


@dataclass(eq=False)
class Connected:
    """One accepted connection. Times are of `time.monotonic`; `ended_by` is "peer", "script" or ""."""

    number: int
    opened_at: float
    requests: int = 0
    sent: int = 0
    """Bytes of scripted steps that the kernel has taken."""
    closed_at: float | None = None
    ended_by: str = ""


@dataclass(eq=False)
class Received:
    """One request. `raw` is every byte of it, framing included; header names are lower-case."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes
    raw: bytes
    connection: Connected
    at: float

    def json(self) -> dict[str, object]:
        """Return the body as a JSON object; an empty one when it is not."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @cached_property
    def model(self) -> str:
        """Return the model that the body names."""
        return str(self.json().get("model", ""))

    def header(self, name: str) -> str | None:
        """Return the first value of a header field."""
        return next((value for field, value in self.headers if field == name), None)

    def header_names(self) -> set[str]:
        """Return the names of the header fields."""
        return {name for name, _ in self.headers}
