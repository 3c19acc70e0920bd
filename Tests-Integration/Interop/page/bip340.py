"""Signatures of BIP-340."""

import hashlib

import curve


def tagged_hash(tag, data):
    """SHA-256 with a tag in front."""
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + data).digest()


def hash_number(tag, data):
    """A tagged hash as a number below the order of the group."""
    return int.from_bytes(tagged_hash(tag, data), "big") % curve.N


def challenge(r, key, message):
    """The number e, of the two x coordinates and the message."""
    return hash_number("BIP0340/challenge", r + key + message)


def sign(secret, message, randomness):
    """A signature of a message of any length."""
    public = curve.multiply(curve.G, secret)
    d = secret if curve.is_even(public) else curve.N - secret
    mask = int.from_bytes(tagged_hash("BIP0340/aux", randomness), "big")
    key = curve.x_bytes(public)
    k = hash_number("BIP0340/nonce", (d ^ mask).to_bytes(32, "big") + key + message)
    nonce = curve.multiply(curve.G, k)
    k = k if curve.is_even(nonce) else curve.N - k
    r = curve.x_bytes(nonce)
    return r + ((k + challenge(r, key, message) * d) % curve.N).to_bytes(32, "big")


def verify(key, message, signature):
    """Whether a signature holds under the 32 bytes of an x coordinate."""
    s = int.from_bytes(signature[32:], "big")
    if len(key) != 32 or len(signature) != 64 or s >= curve.N:
        return False
    try:
        public = curve.lift_x(int.from_bytes(key, "big"))
    except ValueError:
        return False
    e = challenge(signature[:32], key, message)
    nonce = curve.add(curve.multiply(curve.G, s), curve.multiply(public, curve.N - e))
    return nonce is not None and curve.is_even(nonce) and curve.x_bytes(nonce) == signature[:32]
