"""Scores of conformance suites, and how they are told in a table."""

from dataclasses import dataclass, field

from upstream_answers import UPSTREAMS

__all__ = ["Scores"]


@dataclass
class Scores:
    """What each suite made of each client and upstream: `passed` of `ran` tests."""

    found: dict[str, dict[tuple[str, str], tuple[int, int]]] = field(default_factory=dict)

    def add(self, suite: str, client: str, upstream: str, passed: int, ran: int) -> None:
        """Take note of one score."""
        self.found.setdefault(suite, {})[client, upstream] = (passed, ran)

    def table(self, suite: str) -> str:
        """Return the scores of a suite as a table, a client a row."""
        cells = self.found.get(suite, {})
        lines = [f"| {suite} | {' | '.join(UPSTREAMS)} |", "|---" * (len(UPSTREAMS) + 1) + "|"]
        for client in dict.fromkeys(client for client, _ in cells):
            row = [cells.get((client, upstream)) for upstream in UPSTREAMS]
            told = " | ".join("–" if cell is None else f"{cell[0]}/{cell[1]}" for cell in row)  # noqa: RUF001
            lines.append(f"| {client} | {told} |")
        return "\n".join(lines)
