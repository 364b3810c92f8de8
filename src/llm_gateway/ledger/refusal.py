"""Why a ledger cannot be opened: each of these stops a start and says what to do instead.

Not what fails while it runs: that is `errors.LedgerUnavailable`.
"""

from llm_gateway.errors import ConfigError

__all__ = ["LedgerBusy", "LedgerDamaged", "LedgerRefused", "LedgerTooNew"]


class LedgerRefused(ConfigError):
    """The ledger is not opened, and nothing was changed."""


class LedgerBusy(LedgerRefused):
    """Another process has it open."""


class LedgerDamaged(LedgerRefused):
    """The database is not what was written, or a migration is not what was applied."""


class LedgerTooNew(LedgerRefused):
    """A later version of the gateway wrote it."""
