"""The arithmetic against vectors of BIP-340 and BIP-327, so that a figure is not checked by its own mistake."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import bip327
import bip340
import curve

KEYS = [
    "02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9",
    "03dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
    "023590a94e768f8e1815c2f24b4d80a8e3149316c3518ce7b7ad338368d038ca66",
]


class Vectors(unittest.TestCase):
    def test_signature(self):
        signature = bip340.sign(3, bytes(32), bytes(32))
        self.assertEqual(
            "e907831f80848d1069a5371b402410364bdf1c5f8307b0084c55f1ce2dca8215"
            "25f66a4a85ea8b71e482a74f382d2ce5ebeee8fdb2172f477df4900d310536c0", signature.hex())
        self.assertTrue(bip340.verify(bytes.fromhex(KEYS[0])[1:], bytes(32), signature))

    def test_aggregate_keys(self):
        keys = [bytes.fromhex(key) for key in KEYS]
        self.assertEqual(
            "90539eede565f5d054f32cc0c220126889ed1e5d193baf15aef344fe59d4610c", bip327.Keys(keys).x.hex())
        self.assertEqual(
            "6204de8b083426dc6eaf9502d27024d53fc826bf7d2012148a0575435df54b2b", bip327.Keys(keys[::-1]).x.hex())

    def test_tweaked_sessions(self):
        secrets, nonces = [11, 12, 13], [(1, 2), (3, 4), (5, 6)]
        keys = bip327.Keys([curve.compress(curve.multiply(curve.G, secret)) for secret in secrets])
        for number in range(1, 7):
            keys.tweak(number.to_bytes(32, "big"), x_only=number % 2 == 0)
            aggregate = bip327.aggregate_nonce(map(bip327.public_nonce, nonces))
            signing = bip327.Signing(keys, aggregate, b"tweaked")
            final = signing.final(map(signing.partial, secrets, nonces))
            self.assertTrue(bip340.verify(keys.x, b"tweaked", final))
