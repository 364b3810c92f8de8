"""What stops a start is a configuration error: the command line shows its message and nothing else."""

import pytest

from llm_gateway.errors import ConfigError
from llm_gateway.ledger.refusal import LedgerBusy, LedgerDamaged, LedgerRefused, LedgerTooNew


@pytest.mark.parametrize("kind", [LedgerBusy, LedgerDamaged, LedgerTooNew])
def test_every_refusal_is_a_configuration_error(kind: type[LedgerRefused]) -> None:
    with pytest.raises(ConfigError, match="because"):
        raise kind("because")
