"""What the page hashes and signs, with its tags."""

import bip340
import wire

DAY = 86400


def tagged(tag, data):
    """H(tag, data) of the page."""
    return bip340.tagged_hash("musig2-p2p/" + tag, data)


def u16(number):
    return number.to_bytes(2, "big")


def u32(number):
    return number.to_bytes(4, "big")


def u64(number):
    return number.to_bytes(8, "big")


def session_id(descriptor):
    return tagged("session", descriptor)


def leaf(session, attempt, index, run, nonces):
    return tagged("nonces", session + u32(attempt) + u32(index) + u64(run) + b"".join(nonces))


def transcript(session, attempt, leaves):
    return tagged("transcript", session + u32(attempt) + b"".join(leaves))


def context(the_transcript, aggregate_nonces):
    return tagged("context", the_transcript + b"".join(aggregate_nonces))


def election(session, key):
    """What a signer is sorted by in the usual election."""
    return tagged("election", session + key)


def order(hashes):
    """The indices of the signers, ascending by their hashes."""
    return sorted(range(len(hashes)), key=lambda index: hashes[index])


def dht_key(tag, secret, day):
    """The multihash of a rendezvous or an inbox."""
    return b"\x12\x20" + tagged(tag, secret + u32(day))


def hello(secret, provider, joiner, a, b):
    """What both sides of a HELLO prove."""
    return secret + u16(len(provider)) + provider + u16(len(joiner)) + joiner + a + b


def taproot_tweak(internal_key, merkle_root):
    return bip340.tagged_hash("TapTweak", internal_key + merkle_root)


def signed_frame(schema, messages):
    """The frame of signed messages, each a body and a signature."""
    items = [("signed_message", {"body": body, "signature": signature}) for body, signature in messages]
    return wire.write_frame(schema, items)
