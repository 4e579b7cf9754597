"""Opens push messages as a browser does: ``aes128gcm`` of RFC 8188 with the key agreement of RFC 8291."""

from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_HEADER: Final = 21  # salt 16, record size 4, length of the key id 1
_TAG: Final = 16
_LAST: Final = 2


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public point, uncompressed (65 bytes): a subscription's ``p256dh``."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def opened(body: bytes, key: ec.EllipticCurvePrivateKey, secret: bytes) -> bytes:
    """The message's plain text.

    Args:
        body: Header and one record.
        key: The subscription's private key.
        secret: The subscription's authentication secret, 16 bytes.

    Raises:
        ValueError: It isn't encrypted for this subscription, or isn't one whole record.
    """
    if len(body) < _HEADER + 65 + _TAG:
        raise ValueError("a push message has a header of 86 bytes and a record")
    salt, size, length = body[:16], int.from_bytes(body[16:20], "big"), body[20]
    sender, record = body[_HEADER : _HEADER + length], body[_HEADER + length :]
    if len(record) > size:
        raise ValueError("a push message has one record only (RFC 8291, section 4)")
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
    shared = key.exchange(ec.ECDH(), public)
    secret_key = _hkdf(secret, shared, b"WebPush: info\0" + public_bytes(key) + sender, 32)
    content_key = _hkdf(salt, secret_key, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, secret_key, b"Content-Encoding: nonce\0", 12)
    try:
        padded = AESGCM(content_key).decrypt(nonce, record, None)
    except InvalidTag as error:
        raise ValueError("the message isn't encrypted for this subscription") from error
    plain = padded.rstrip(b"\0")
    if not plain or plain[-1] != _LAST:
        raise ValueError("the last record must be delimited by 2 (RFC 8188, section 2)")
    return plain[:-1]


def _hkdf(salt: bytes, material: bytes, info: bytes, length: int) -> bytes:
    return _hmac(_hmac(salt, material), info + b"\x01")[:length]


def _hmac(key: bytes, content: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(content)
    return made.finalize()
