"""A process that asks for tokens ten times at once and tells a digest of each: started by tests.

Its arguments: the folder of the installation, the vendor's address, the time in microseconds, when to begin.
"""

import asyncio
import hashlib
import sys
import time
from pathlib import Path

from fakes import FakeClock
from llm_gateway.bridges.chatgpt.accounts import Accounts
from llm_gateway.bridges.chatgpt.keeping import open_store
from llm_gateway.bridges.chatgpt.places import places_of
from llm_gateway.bridges.chatgpt.session import Session
from llm_gateway.http.client import Patience
from llm_gateway.http.pool import Pool
from llm_gateway.tasks import Tasks
from llm_gateway.upstream.client import Upstream

__all__ = ["main"]


async def main(folder: str, url: str, now_us: int, begins: float) -> None:
    """Ask for tokens at the time that was agreed."""
    pool, clock = Pool(connect_timeout=2.0), FakeClock(now_us)
    places = places_of({"CHATGPT_LOGIN_URL": f"{url}/api/accounts"})
    accounts = Accounts(places, Upstream(pool, Patience(5.0, 5.0)), clock)
    session = Session(open_store(Path(folder), {}), accounts, clock, Tasks(lambda _, failure: None))
    await asyncio.sleep(max(0.0, begins - time.time()))
    for tokens in await asyncio.gather(*(session.tokens() for _ in range(10))):
        sys.stdout.write(hashlib.sha256(tokens.access.reveal().encode()).hexdigest() + "\n")
    pool.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
