"""Where an upstream lives: scheme, host, port. A value, so that pools can be keyed by it."""

import msgspec

__all__ = ["Origin"]


class Origin(msgspec.Struct, frozen=True):
    """One origin; `scheme` is `http` or `https`, `host` without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def secure(self) -> bool:
        """Whether the connection is to be TLS."""
        return self.scheme == "https"

    @property
    def authority(self) -> bytes:
        """Return the Host field's value: brackets around IPv6, the port when it is not the scheme's."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.secure else 80
        return (host if self.port == usual else f"{host}:{self.port}").encode("ascii")
