"""Tell a bridge's owner, once, that it needs them: a login has ended, a consent or a version is missing.

One line of the log for each such state, however many requests meet it. How a bridge is now is its health.
"""

from llm_gateway.bridges.health import BridgeState, Health
from llm_gateway.telemetry.log import Log

__all__ = ["Notices"]

_NEEDS_ITS_OWNER: frozenset[BridgeState] = frozenset(
    ("auth_required", "consent_required", "not_entitled", "version_mismatch")
)


class Notices:
    """What owners were told of which bridge."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._worked: set[str] = set()
        self._told: dict[str, BridgeState] = {}

    def heard(self, name: str, health: Health, in_use: bool) -> None:
        """Take note of how a bridge is; what never worked here and is not `in_use` is nobody's concern."""
        state = health.state
        if state in _NEEDS_ITS_OWNER:
            if (in_use or name in self._worked) and self._told.get(name) != state:
                self._told[name] = state
                self._log.write(
                    "warning", "a bridge needs its owner", name=name, state=state, reason=health.reason
                )
        elif state == "ok":
            self._worked.add(name)
            # A program may go on saying that it is logged in while the vendor refuses every turn: only an
            # answer, which leaves no error behind, is the end of that.
            if not health.last_error and name in self._told:
                del self._told[name]
                self._log.write("info", "a bridge answers again", name=name)
