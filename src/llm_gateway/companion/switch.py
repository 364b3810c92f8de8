"""The owner's switch on his own machine: a file that says that nothing is answered from afar any more.

Anybody at the machine may put it there, the gateway too; only the machine's owner takes it away.
"""

from pathlib import Path

from llm_gateway.vault import write_private

__all__ = ["Switch"]


class Switch:
    """Whether a companion is paused. `folder` is the companion's own."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "paused"

    @property
    def paused(self) -> bool:
        """Whether it is; looked at each time, because another process may have switched."""
        return self._file.exists()

    def pause(self, by: str) -> None:
        """Answer nothing from afar any more, whoever wants that."""
        write_private(self._file, f"{by}\n".encode())

    def resume(self) -> bool:
        """Answer again; False when it was not paused."""
        try:
            self._file.unlink()
        except FileNotFoundError:
            return False
        return True
