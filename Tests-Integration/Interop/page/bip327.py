"""The arithmetic of BIP-327: keys and nonces are added up, partial signatures made, verified and added up."""

import bip340
import curve


class Keys:
    """Signer keys of 33 bytes in their order, added up, and the tweaks that were applied."""

    def __init__(self, keys):
        self.keys = keys
        self.gacc, self.tacc = 1, 0
        self.point = None
        for key in keys:
            self.point = curve.add(self.point, curve.multiply(curve.parse(key), self.coefficient(key)))

    def coefficient(self, key):
        """What a key is multiplied by: 1 for the first key that differs from the one at index 0."""
        if key == next((other for other in self.keys if other != self.keys[0]), None):
            return 1
        everything = bip340.tagged_hash("KeyAgg list", b"".join(self.keys))
        return bip340.hash_number("KeyAgg coefficient", everything + key)

    @property
    def x(self):
        """The 32 bytes under which the final signature is verified."""
        return curve.x_bytes(self.point)

    @property
    def sign(self):
        """1 for an even aggregate key, -1 for an odd one."""
        return 1 if curve.is_even(self.point) else -1

    def tweak(self, tweak, x_only):
        """Applies a tweak of 32 bytes."""
        number = int.from_bytes(tweak, "big")
        if number >= curve.N:
            raise ValueError("the tweak is not below the order")
        g = self.sign if x_only else 1
        start = self.point if g == 1 else curve.negate(self.point)
        self.point = curve.add(start, curve.multiply(curve.G, number))
        self.gacc, self.tacc = g * self.gacc, number + g * self.tacc


def public_nonce(secret_nonce):
    """The 66 bytes of a pair of secret numbers."""
    return b"".join(curve.compress(curve.multiply(curve.G, k)) for k in secret_nonce)


def nonce_points(nonce, infinity=False):
    """The two points of 66 bytes; 33 zero bytes are the point at infinity where that is allowed."""
    halves = nonce[:33], nonce[33:]
    return [None if infinity and half == bytes(33) else curve.parse(half) for half in halves]


def aggregate_nonce(nonces):
    """The sum of public nonces."""
    sums = [None, None]
    for nonce in nonces:
        sums = [curve.add(a, b) for a, b in zip(sums, nonce_points(nonce))]
    return b"".join(bytes(33) if point is None else curve.compress(point) for point in sums)


class Signing:
    """All that signing one message needs in public: keys, aggregate nonce and message."""

    def __init__(self, keys, nonce, message):
        self.keys = keys
        self.b = bip340.hash_number("MuSig/noncecoef", nonce + keys.x + message)
        first, second = nonce_points(nonce, infinity=True)
        self.nonce = curve.add(first, curve.multiply(second, self.b)) or curve.G
        self.e = bip340.challenge(curve.x_bytes(self.nonce), keys.x, message)

    def weight(self, key):
        """What a signer's key is multiplied by in its partial signature."""
        return self.e * self.keys.coefficient(key) * self.keys.sign * self.keys.gacc

    def partial(self, secret, secret_nonce):
        """A signer's partial signature."""
        k = secret_nonce[0] + self.b * secret_nonce[1]
        k = k if curve.is_even(self.nonce) else -k
        key = curve.compress(curve.multiply(curve.G, secret))
        return ((k + self.weight(key) * secret) % curve.N).to_bytes(32, "big")

    def verify(self, partial, nonce, key):
        """Whether a partial signature is that of a signer: PartialSigVerify."""
        s = int.from_bytes(partial, "big")
        first, second = nonce_points(nonce)
        share = curve.add(first, curve.multiply(second, self.b))
        share = share if curve.is_even(self.nonce) else curve.negate(share)
        expected = curve.add(share, curve.multiply(curve.parse(key), self.weight(key)))
        return len(partial) == 32 and s < curve.N and curve.multiply(curve.G, s) == expected

    def final(self, partials):
        """The final signature."""
        s = sum(int.from_bytes(partial, "big") for partial in partials)
        s = (s + self.e * self.keys.sign * self.keys.tacc) % curve.N
        return curve.x_bytes(self.nonce) + s.to_bytes(32, "big")
