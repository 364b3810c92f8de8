"""The pages of the dashboard in their order: where each is, its name, and the key that goes there."""

import msgspec

__all__ = ["PLACES", "Place"]


class Place(msgspec.Struct, frozen=True):
    """A page's place. `key` is pressed after `g`; `label` is its title in the bar, "" for the whole of it."""

    path: str
    name: str
    title: str
    key: str
    label: str = ""


PLACES = (
    Place("/", "overview", "Overview", "o"),
    Place("/requests", "requests", "Requests", "r"),
    Place("/usage", "usage", "Usage & savings", "u", "Usage"),
    Place("/subscriptions", "subscriptions", "Subscriptions", "s"),
    Place("/clients", "clients", "Clients", "c"),
    Place("/bridges", "bridges", "Bridges", "b"),
    Place("/routing", "routing", "Models & routing", "m", "Models"),
    Place("/limits", "limits", "Keys & limits", "k", "Keys"),
    Place("/settings", "settings", "Settings & doctor", "e", "Settings"),
    Place("/playground", "playground", "Playground", "p"),
)
"""What stands in the bar at the top of every page. `/models` and `/keys` are paths of clients."""
