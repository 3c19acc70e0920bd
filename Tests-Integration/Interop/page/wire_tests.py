"""The one encoding of each message, rule by rule of docs/protocol.md, and the rules of a descriptor."""

import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import curve
import page
import rules
import wire
from schema import Schema

SCHEMA = Schema(page.read(page.PROTO))
HEAD, PARTS = page.worked_example(page.read(page.PAGE))
DESCRIPTOR = dict(page.figures(PARTS["A mesh of two"]))["descriptor"]


def decode(name, digits):
    """Decodes what hexadecimal digits say."""
    return wire.decode(SCHEMA, name, bytes.fromhex(digits))


class OneEncoding(unittest.TestCase):
    def refuse(self, name, *encodings):
        for digits in encodings:
            with self.subTest(digits), self.assertRaises(wire.Refused):
                decode(name, digits)

    def test_present_and_empty(self):
        self.assertEqual({"merkle_root": b""}, decode("Descriptor", "4200")["taproot"])
        self.assertIsNone(decode("Descriptor", "")["taproot"])
        self.assertEqual([b""], decode("Descriptor", "3200")["messages"])
        self.assertEqual([], decode("Descriptor", "")["messages"])

    def test_defaults_are_left_out(self):
        self.refuse("Descriptor", "0800", "1000", "1800", "9201" + "00", "4202" + "0a00")

    def test_fields_ascend_and_stand_once(self):
        self.refuse("Restart", "120101" + "0801", "0801" + "0801")
        self.refuse("Descriptor", "4200" + "4200")

    def test_repeated_numbers_are_packed(self):
        self.assertEqual([1, 2], decode("Restart", "12020102")["not_heard"])
        self.refuse("Restart", "1001" + "1002", "120101" + "120102", "1200")

    def test_varints_are_minimal(self):
        self.refuse("Restart", "088100", "880001", "12810001", "1202" + "8100", "08" + "ff" * 9 + "02")

    def test_numbers_are_in_range(self):
        self.assertEqual(2**32 - 1, decode("Restart", "08ffffffff0f")["reason"])
        self.refuse("Restart", "088080808010")
        self.refuse("Descriptor", "1802", "1003", "5007")

    def test_nothing_unknown_and_nothing_behind(self):
        self.refuse("Restart", "2801", "0801" + "00", "08", "1202" + "01", "0a00", "0d01000000")

    def test_texts_are_utf8(self):
        self.assertEqual("ä", decode("Metadata", "0a02c3a4")["key"])
        self.refuse("Metadata", "0a01c3", "0a03eda080", "0a02c080")

    def test_frames(self):
        items = wire.read_frame(SCHEMA, bytes.fromhex("04" + "0a02" + "1a00"))
        self.assertEqual([("sync", wire.decode(SCHEMA, "Sync", b""))], items)
        for digits in "00", "02" + "0a00", "04" + "0a02" + "1a00" + "00", "05" + "0a02" + "1a00", "8400" + "0a021a00":
            with self.subTest(digits), self.assertRaises(wire.Refused):
                wire.read_frame(SCHEMA, bytes.fromhex(digits))


class Rules(unittest.TestCase):
    """A descriptor that breaks one rule of section 3."""

    def setUp(self):
        self.values = wire.decode(SCHEMA, "Descriptor", DESCRIPTOR)
        self.keys = self.values["signer_keys"]

    def refuse(self, rule, **changes):
        with self.assertRaisesRegex(wire.Refused, rule):
            rules.check_descriptor(dict(self.values, **changes))

    def test_keys(self):
        other = curve.compress(curve.negate(curve.parse(self.keys[0])))
        self.refuse("signer_keys", signer_keys=self.keys[:1])
        self.refuse("signer_keys", signer_keys=[self.keys[0], other])
        self.refuse("no point", signer_keys=[self.keys[0], b"\x02" + b"\xff" * 32])
        self.refuse("sorted", signer_keys=self.keys[::-1], sorted=1)
        self.refuse("message_keys", message_keys=self.keys[::-1])
        self.refuse("message_keys", message_keys=self.keys[:1])

    def test_what_is_signed(self):
        tweak = {"tweak": b"\x01" * 32, "x_only": 0}
        self.refuse("messages", messages=[])
        self.refuse("messages", messages=[bytes(192 * 1024), b"1"])
        self.refuse("tweaks", tweaks=[tweak], taproot={"merkle_root": b""})
        self.refuse("tweaks", tweaks=[dict(tweak, tweak=b"\xff" * 32)])
        self.refuse("taproot", taproot={"merkle_root": bytes(31)})

    def test_how_it_is_signed(self):
        self.refuse("version", version=2)
        self.refuse("version", scheme=2)
        self.refuse("creator", creator=2)
        self.refuse("election", election=6, topology=2)
        self.refuse("topology", topology=0)
        self.refuse("commitment_round", commitment_round=1, topology=2)

    def test_times_and_the_rest(self):
        self.refuse("commit_timeout_ms", commit_timeout_ms=1)
        self.refuse("nonce_timeout_ms", nonce_timeout_ms=0)
        self.refuse("partial_timeout_ms", partial_timeout_ms=rules.SIX_HOURS + 1)
        self.refuse("expires_ms", expires_ms=self.values["created_ms"])
        self.refuse("random", random=bytes(31))
        self.refuse("metadata", metadata=[{"key": "", "value": "a"}])
        self.refuse("metadata", metadata=[{"key": "b", "value": ""}, {"key": "a", "value": ""}])
