#!/usr/bin/env python3
"""Writes independent.json: whole MuSig2 sessions, calculated from the text of BIP-327 and nothing else.

It shares no code with the module it tests: Python's integers, affine points, SHA-256 of hashlib. The seed is fixed, so
that the same file comes out every time:  python3 reference.py > independent.json
"""

import hashlib
import json
import random

FIELD = 2**256 - 2**32 - 977
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
GENERATOR = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)
INFINITY = None


def add(left, right):
    if left is INFINITY:
        return right
    if right is INFINITY:
        return left
    if left[0] == right[0]:
        if (left[1] + right[1]) % FIELD == 0:
            return INFINITY
        slope = 3 * left[0] ** 2 * pow(2 * left[1], -1, FIELD)
    else:
        slope = (left[1] - right[1]) * pow(left[0] - right[0], -1, FIELD)
    x = (slope**2 - left[0] - right[0]) % FIELD
    return x, (slope * (left[0] - x) - left[1]) % FIELD


def multiply(factor, point=GENERATOR):
    factor %= ORDER
    result = INFINITY
    for bit in bin(factor)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def negate(point):
    return INFINITY if point is INFINITY else (point[0], FIELD - point[1])


def is_even(point):
    return point[1] % 2 == 0


def bytes32(number):
    return number.to_bytes(32, "big")


def compressed(point):
    return bytes(33) if point is INFINITY else bytes([2 if is_even(point) else 3]) + bytes32(point[0])


def tagged(tag, message):
    prefix = hashlib.sha256(tag.encode()).digest()
    return hashlib.sha256(prefix + prefix + message).digest()


def number(digest):
    return int.from_bytes(digest, "big") % ORDER


def coefficients(keys):
    listed = b"".join(compressed(key) for key in keys)
    others = [key for key in keys if key != keys[0]]
    return [
        1 if others and key == others[0]
        else number(tagged("KeyAgg coefficient", tagged("KeyAgg list", listed) + compressed(key)))
        for key in keys
    ]


def nonce_gen(seed, secret, key, aggregate, message, extra):
    if secret is not None:
        seed = bytes32(secret ^ int.from_bytes(tagged("MuSig/aux", seed), "big"))
    body = seed + bytes([33]) + compressed(key)
    body += bytes([0]) if aggregate is None else bytes([32]) + aggregate
    body += bytes([0]) if message is None else bytes([1]) + len(message).to_bytes(8, "big") + message
    body += len(extra).to_bytes(4, "big") + extra
    return [number(tagged("MuSig/nonce", body + bytes([half]))) for half in (0, 1)]


def session(name, dice, count, duplicates=False, tweaks=(), length=32, infinite=()):
    secrets = [dice.randrange(1, ORDER) for _ in range(count)]
    if duplicates:
        secrets = [secrets[dice.randrange(1 + index // 2)] for index in range(count)]
    keys = [multiply(secret) for secret in secrets]
    message = dice.randbytes(length)

    weights = coefficients(keys)
    aggregate = INFINITY
    for weight, key in zip(weights, keys):
        aggregate = add(aggregate, multiply(weight, key))
    # What the aggregate secret is, in the signs that the tweaks bring: d·sign + tweaked.
    sign, tweaked = 1, 0
    for tweak, x_only in tweaks:
        if x_only and not is_even(aggregate):
            aggregate, sign, tweaked = negate(aggregate), -sign, -tweaked
        aggregate = add(aggregate, multiply(tweak))
        tweaked += tweak

    signers = []
    for index in range(count):
        inputs = {"randomness": dice.randbytes(32).hex(), "isMasked": dice.random() < 0.7}
        known_key = bytes32(aggregate[0]) if dice.random() < 0.5 else None
        known_message = message if dice.random() < 0.5 else None
        extra = dice.randbytes(dice.choice([0, 0, 1, 32, 300]))
        inputs["aggregateKey"] = known_key.hex() if known_key is not None else None
        inputs["message"] = known_message.hex() if known_message is not None else None
        inputs["extraInput"] = extra.hex()
        halves = nonce_gen(
            bytes.fromhex(inputs["randomness"]), secrets[index] if inputs["isMasked"] else None, keys[index], known_key,
            known_message, extra,
        )
        signers.append({"secretKey": bytes32(secrets[index]).hex(), "nonceInputs": inputs, "halves": halves})
    for half in infinite:
        # The last signer knows the sum of the others' numbers here, as no signer does, and cancels it.
        signers[-1]["halves"][half] = -sum(signer["halves"][half] for signer in signers[:-1]) % ORDER
        signers[-1]["nonceInputs"] = None

    sums = [multiply(sum(signer["halves"][half] for signer in signers)) for half in (0, 1)]
    sum_bytes = compressed(sums[0]) + compressed(sums[1])
    b = number(tagged("MuSig/noncecoef", sum_bytes + bytes32(aggregate[0]) + message))
    nonce = add(sums[0], multiply(b, sums[1]))
    is_replaced = nonce is INFINITY
    if is_replaced:
        nonce = GENERATOR
    e = number(tagged("BIP0340/challenge", bytes32(nonce[0]) + bytes32(aggregate[0]) + message))

    key_sign = 1 if is_even(aggregate) else -1
    total = e * key_sign * tweaked
    for signer, secret, weight in zip(signers, secrets, weights):
        halves = signer.pop("halves")
        k = halves[0] + b * halves[1]
        partial = ((k if is_even(nonce) else -k) + e * weight * key_sign * sign * secret) % ORDER
        total += partial
        signer["secretNonce"] = (bytes32(halves[0]) + bytes32(halves[1])).hex()
        signer["publicNonce"] = (compressed(multiply(halves[0])) + compressed(multiply(halves[1]))).hex()
        signer["partial"] = bytes32(partial).hex()
    total %= ORDER
    # s·G = R + e·P, of the key with an even y.
    even = aggregate if is_even(aggregate) else negate(aggregate)
    even_nonce = nonce if is_even(nonce) else negate(nonce)
    is_valid = multiply(total) == add(even_nonce, multiply(e, even))
    assert is_valid != is_replaced, name
    return {
        "name": name,
        "signers": signers,
        "tweaks": [{"tweak": bytes32(tweak).hex(), "isXOnly": x_only} for tweak, x_only in tweaks],
        "message": message.hex(),
        "aggregateKey": compressed(aggregate).hex(),
        "aggregateNonce": sum_bytes.hex(),
        "signature": (bytes32(nonce[0]) + bytes32(total)).hex(),
        "isValid": is_valid,
    }


def main():
    dice = random.Random(327)

    def tweaks(*kinds):
        return [(dice.randrange(ORDER), kind == "x") for kind in kinds]

    cases = []
    for count in (1, 2, 3, 5):
        for kinds in ("", "p", "x", "px", "xp", "xx", "pxxp"):
            cases.append(
                session(f"{count} signers, tweaks '{kinds}'", dice, count, tweaks=tweaks(*kinds), length=count * 13)
            )
    for count in (2, 3, 4, 6):
        for turn in range(2):
            cases.append(session(f"{count} signers, duplicates {turn}", dice, count, True, tweaks("x"), length=turn))
    cases.append(session("tweaks of zero", dice, 2, tweaks=[(0, False), (0, True), (0, True)]))
    cases.append(session("the largest tweaks", dice, 2, tweaks=[(ORDER - 1, False), (ORDER - 1, True)]))
    for infinite in ((0,), (1,), (0, 1)):
        for kinds in ("", "xp"):
            cases.append(
                session(f"infinite halves {infinite}, tweaks '{kinds}'", dice, 3, tweaks=tweaks(*kinds), infinite=infinite)
            )
    print(json.dumps({"cases": cases}, indent=1))


main()
