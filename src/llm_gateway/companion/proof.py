"""A companion's proof of who it is: an Ed25519 signature (RFC 8032) under what its gateway asked it to sign.

What is signed names the gateway, the key, the nonce of this one connection and its time, and the join token
where there is one: a signature is good for nothing else. Imported when somebody connects, not at the start.
"""

import hashlib

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["is_signed", "new_key", "public_key", "signature", "statement", "thumbprint"]

# Keys under which anybody can sign: the points of small order, without the sign's bit (libsodium,
# ed25519_ref10.c, ge25519_has_small_order). RFC 8032 does not exclude them, and OpenSSL takes them.
_PRIME = 2**255 - 19
_WEAK = frozenset(
    (
        bytes(32),
        (1).to_bytes(32, "little"),
        bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
        bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
        *((_PRIME + more).to_bytes(32, "little") for more in (-1, 0, 1)),
    )
)
_PURPOSE = "llm_gateway: a companion connects, version 1"


def new_key() -> bytes:
    """Return a new private key, 32 bytes."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def public_key(key: bytes) -> bytes:
    """Return the public key of a private one."""
    return Ed25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()


def thumbprint(public: bytes) -> str:
    """Return what a public key is called by: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(public).hexdigest()


def statement(gateway: str, nonce: bytes, at_us: int, print_: str, token: str = "") -> bytes:
    """Return what a companion signs."""
    joined = hashlib.sha256(token.encode("utf-8", "replace")).digest() if token else b""
    return msgspec.msgpack.encode((_PURPOSE, gateway, nonce, at_us, print_, joined))


def signature(key: bytes, stated: bytes) -> bytes:
    """Sign a statement."""
    return Ed25519PrivateKey.from_private_bytes(key).sign(stated)


def is_signed(public: bytes, stated: bytes, signed: bytes) -> bool:
    """Return whether a statement was signed by the key of this public one; False also where that is none."""
    if len(public) != 32 or public[:-1] + bytes([public[-1] & 0x7F]) in _WEAK:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed, stated)
    except (InvalidSignature, ValueError):
        return False
    return True
