"""A scripted upstream for tests: a real server on loopback that answers, or fails, as it is told.

Not a mock of the gateway's own parts: what is tested against it speaks HTTP over a socket.
"""

from scripted.records import Connected, Received
from scripted.script import (
    Close,
    CloseOnReuse,
    Drip,
    Flood,
    Gate,
    Hang,
    Pause,
    Reset,
    Script,
    Send,
)
from scripted.server import Responder, ScriptedUpstream

__all__ = [
    "Close",
    "CloseOnReuse",
    "Connected",
    "Drip",
    "Flood",
    "Gate",
    "Hang",
    "Pause",
    "Received",
    "Reset",
    "Responder",
    "Script",
    "ScriptedUpstream",
    "Send",
]
