"""The rules of section 3 that a descriptor is held to, whatever the clock says."""

import curve
from wire import Refused

SIX_HOURS = 6 * 3600 * 1000


def check_descriptor(values):
    """Refuses a decoded descriptor that breaks a rule."""
    for name, holds in _rules(values):
        if not holds:
            raise Refused(name)
    for key in values["signer_keys"] + values["message_keys"]:
        _check_point(key)


def _rules(values):
    """Each rule's name, and whether it holds."""
    n, m = len(values["signer_keys"]), len(values["messages"])
    mesh = values["topology"] == 1
    yield "version and scheme", values["version"] == 1 and values["scheme"] == 1
    yield "signer_keys", 2 <= n <= 1000 and _differ_in_x(values["signer_keys"])
    yield "sorted", not values["sorted"] or values["signer_keys"] == sorted(values["signer_keys"])
    yield "message_keys", _message_keys(values["signer_keys"], values["message_keys"])
    yield "messages", 1 <= m and n * m <= 8192 and sum(map(len, values["messages"])) <= 192 * 1024
    yield "tweaks", not (values["tweaks"] and values["taproot"]) and all(map(_is_tweak, values["tweaks"]))
    yield "taproot", values["taproot"] is None or len(values["taproot"]["merkle_root"]) in (0, 32)
    yield "creator", values["creator"] < n
    yield "election", values["election"] in range(1, 6) or values["election"] == 6 and mesh
    yield "topology", mesh and n <= 32 or values["topology"] == 2
    yield "commitment_round", mesh or not values["commitment_round"]
    yield "commit_timeout_ms", _timeout(values["commit_timeout_ms"], values["commitment_round"])
    yield "nonce_timeout_ms", _timeout(values["nonce_timeout_ms"])
    yield "partial_timeout_ms", _timeout(values["partial_timeout_ms"])
    yield "expires_ms", values["created_ms"] < values["expires_ms"]
    yield "random", len(values["random"]) == 32
    yield "metadata", _metadata(values["metadata"])


def _differ_in_x(keys):
    """Whether all keys have 33 bytes and different x."""
    return all(len(key) == 33 for key in keys) and len({key[1:] for key in keys}) == len(keys)


def _message_keys(signer_keys, message_keys):
    """Whether there is none, or one for each signer that is no other signer's."""
    if not message_keys:
        return True
    others = all(message[1:] != signer[1:] for i, message in enumerate(message_keys)
                 for j, signer in enumerate(signer_keys) if i != j)
    return len(message_keys) == len(signer_keys) and _differ_in_x(message_keys) and others


def _is_tweak(entry):
    """Whether a tweak has 32 bytes below the order."""
    return len(entry["tweak"]) == 32 and int.from_bytes(entry["tweak"], "big") < curve.N


def _timeout(number, is_used=True):
    """Whether a time is in range, or absent where it is not used."""
    return 1 <= number <= SIX_HOURS if is_used else number == 0


def _metadata(entries):
    """Whether the keys ascend and are not empty."""
    keys = [entry["key"].encode() for entry in entries]
    size = sum(len(entry["key"].encode()) + len(entry["value"].encode()) for entry in entries)
    return b"" not in keys and keys == sorted(set(keys)) and len(keys) <= 256 and size <= 8192


def _check_point(key):
    """Refuses a key that is not on the curve."""
    try:
        curve.parse(key)
    except ValueError as error:
        raise Refused(str(error))
