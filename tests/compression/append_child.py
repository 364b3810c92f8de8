"""Another process that sends a conversation from its beginning to its end, and says what it sent."""

import hashlib
import json
import sys

from llm_gateway.compression.conversation import Compressor, Wish, rewritten
from llm_gateway.dialects.registry import DIALECTS
from llm_gateway.wire.jsonedit import Document
from tool_talk import MEMBERS, body, conversations

__all__: list[str] = []


def main(name: str, dialect: str) -> None:
    """Print the digest of all that is sent."""
    digest = hashlib.blake2b()
    for turns in conversations(name):
        compressor = Compressor()
        for count in range(1, len(turns) + 1):
            document = Document.parse(body(dialect, turns[:count]))
            slots = DIALECTS[dialect].slots(document, compressor.recall)
            sent = rewritten(slots, compressor.compress(compressor.plan(slots, Wish("strict"))))
            digest.update(json.dumps(json.loads(sent)[MEMBERS[dialect]]).encode())
    sys.stdout.write(digest.hexdigest())


if __name__ == "__main__":
    main(*sys.argv[1:])
