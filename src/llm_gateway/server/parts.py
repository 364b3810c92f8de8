"""What the paths of a gateway need, put together once: the parts behind them, and what answers with them."""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from llm_gateway.clients.watching import Watching
from llm_gateway.config import Loaded, Server
from llm_gateway.config.subscriptions import SubscriptionSettings
from llm_gateway.content.content import Content
from llm_gateway.pipeline.handle import Gateway
from llm_gateway.pipeline.key_admin import KeyAdmin
from llm_gateway.pipeline.quota_keeping import QuotaKeeping
from llm_gateway.server.bridges_api import BridgesApi
from llm_gateway.server.client_connections import ClientConnections
from llm_gateway.server.companion_routes import CompanionsApi
from llm_gateway.server.dashboard_api import DashboardApi
from llm_gateway.server.explain import Explaining
from llm_gateway.server.kept_responses import KeptResponses
from llm_gateway.server.keys_api import KeysApi
from llm_gateway.server.shelf import Shelf
from llm_gateway.server.sign_in import SignIn
from llm_gateway.server.subscriptions_api import SubscriptionsApi
from llm_gateway.server.usage_api import UsageApi
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.fleet import Fleet

__all__ = ["Apis", "Parts"]


class Parts(msgspec.Struct, frozen=True):
    """What the paths need beside the pipeline.

    `refused` says why the configuration's file is not in use; `ending` whether answers are to end.
    """

    gateway: Gateway
    fleet: Fleet
    watching: Watching
    keys: KeyAdmin
    content: Content
    kept: KeptResponses
    bridges: BridgesApi
    companions: CompanionsApi
    server: Server
    tasks: Tasks
    quotas: QuotaKeeping
    subscriptions: Callable[[], Sequence[SubscriptionSettings]]
    configured: Callable[[], tuple[Loaded, Mapping[str, str]]]
    url: Callable[[], str]
    refused: Callable[[], str]
    sign_in: SignIn
    ending: Callable[[], bool]


class Apis(msgspec.Struct, frozen=True):
    """What answers with the parts: over JSON by itself, and behind the pages that show the same."""

    dashboard: DashboardApi
    usage: UsageApi
    explaining: Explaining
    keys: KeysApi
    bridges: BridgesApi
    subscriptions: SubscriptionsApi
    companions: CompanionsApi
    shelf: Shelf
    connections: ClientConnections
