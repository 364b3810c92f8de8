"""Which application a program is, by how it names itself in its telemetry: `service.name`."""

import functools

from llm_gateway.clients.catalog import catalog
from llm_gateway.clients.fingerprints import UNKNOWN_CLIENT
from llm_gateway.clients.logs.reading import part

__all__ = ["client_of", "family_of"]


def client_of(service: str, otherwise: str = UNKNOWN_CLIENT) -> str:
    """Return the client of a program: a row of the catalog, or the part of `otherwise` that has its name."""
    return _by_service().get(service.casefold()) or part(otherwise, service)


def family_of(client: str) -> str:
    """Return the client whose settings, and whose telemetry, this one shares."""
    row = catalog().get(client)
    return row.part_of if row is not None and row.part_of else client


@functools.lru_cache(maxsize=1)
def _by_service() -> dict[str, str]:
    rows = [row for row in catalog().values() if row.telemetry is not None]
    return {name.casefold(): row.id for row in rows if row.telemetry for name in row.telemetry.service}
