"""The query of a request's target, read one way everywhere: its values, or its text without our key."""

from urllib.parse import parse_qs

from llm_gateway.errors import MalformedRequest

__all__ = ["query_text", "query_values"]

_MOST_FIELDS = 30


def query_values(target: bytes) -> dict[str, str]:
    """Return each parameter's last value; MalformedRequest when there are too many."""
    text = target.partition(b"?")[2].decode("ascii", "replace")
    try:
        found = parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise MalformedRequest(f"there are more than {_MOST_FIELDS} parameters in the query") from None
    return {name: values[-1] for name, values in found.items()}


def query_text(target: bytes) -> str:
    """Return the query as sent, without the key that may stand in it: that is no upstream's business."""
    text = target.partition(b"?")[2].decode("ascii", "replace")
    return "&".join(part for part in text.split("&") if part and not part.startswith("key="))
