"""A lease: of those who can do a thing, one does it. The first to ask holds it; the next in line inherits."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Lease:
    """The clients that want the lease, in the order they came; the first one holds it."""

    _line: list[str] = field(default_factory=list)

    @property
    def holder(self) -> str | None:
        """Id of the client that holds the lease."""
        return self._line[0] if self._line else None

    def ask(self, client: str) -> None:
        """Get in line (once)."""
        if client not in self._line:
            self._line.append(client)

    def leave(self, client: str) -> None:
        """Give the lease or the place in line up."""
        if client in self._line:
            self._line.remove(client)
