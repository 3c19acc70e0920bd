"""Every figure of the worked example in docs/protocol.md, made again and checked from that page and musig2.proto."""

import copy
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import maker
import page
from receiver import Receiver
from schema import Schema

SCHEMA = Schema(page.read(page.PROTO))
HEAD, PARTS = page.worked_example(page.read(page.PAGE))
SETUP = page.setup(HEAD)
FIGURES = {name: page.figures(part) for name, part in PARTS.items()}


def receive(name, earlier=None):
    """A receiver that has checked every figure of a session."""
    receiver = Receiver(SCHEMA, SETUP, earlier)
    for label, value in FIGURES[name]:
        receiver.check(label, value)
    return receiver


class Made(unittest.TestCase):
    """The secrets that the page tells make every figure again, byte for byte."""

    @classmethod
    def setUpClass(cls):
        cls.made = maker.all_figures(SCHEMA, SETUP)

    def test_every_session_is_made(self):
        self.assertEqual(list(FIGURES), list(self.made))

    def test_mesh(self):
        self.compare("A mesh of two")

    def test_star(self):
        self.compare("A star of three")

    def test_taproot(self):
        self.compare("Taproot")

    def test_commitments(self):
        self.compare("Commitments and message keys")

    def compare(self, name):
        labels = [label for label, _ in self.made[name]]
        for label, _ in FIGURES[name]:
            self.assertIn(label, labels, "figure %s is not checked" % label)
        self.assertEqual([label for label, _ in FIGURES[name]], labels)
        for (label, value), (_, made) in zip(FIGURES[name], self.made[name]):
            self.assertEqual(value, made, "figure %s of %s" % (label, name))


class Received(unittest.TestCase):
    """Each figure is decoded in its one encoding and verified from those before it, without any secret."""

    def test_mesh(self):
        receive("A mesh of two")

    def test_star(self):
        receive("A star of three")

    def test_taproot(self):
        receive("Taproot", receive("A mesh of two"))

    def test_commitments(self):
        receive("Commitments and message keys")

    def test_unknown_figure(self):
        with self.assertRaisesRegex(AssertionError, "figure BROADCAST_DONE body is not checked"):
            Receiver(SCHEMA, SETUP).check("BROADCAST_DONE body", b"")

    def test_unknown_row(self):
        with self.assertRaisesRegex(AssertionError, "the row port is not checked"):
            page.setup(HEAD + "| port | 4001 |\n")


class Flipped(unittest.TestCase):
    """A figure with one wrong byte is refused, or the figure behind it is: the id, signature or hash of it."""

    def test_one_byte_of_each_figure_of_the_mesh(self):
        self.flip_some("A mesh of two")

    def test_one_byte_of_each_figure_of_the_star(self):
        self.flip_some("A star of three")

    def test_one_byte_of_each_figure_of_taproot(self):
        self.flip_some("Taproot", receive("A mesh of two"))

    def test_one_byte_of_each_figure_of_commitments(self):
        self.flip_some("Commitments and message keys")

    def test_each_byte_of_a_descriptor(self):
        self.flip_all("A mesh of two", "descriptor")

    def test_each_byte_of_a_body(self):
        self.flip_all("A mesh of two", "JOIN 0 body")

    def test_each_byte_of_a_signature(self):
        self.flip_all("A mesh of two", "JOIN 0 signature")

    def test_each_byte_of_a_frame(self):
        self.flip_all("A mesh of two", "frame of 0")

    def test_each_byte_of_a_sync(self):
        self.flip_all("A star of three", "SYNC of 1")

    def flip_some(self, name, earlier=None):
        receiver = Receiver(SCHEMA, SETUP, earlier)
        for place, (label, value) in enumerate(FIGURES[name]):
            self.refuses(receiver, name, place, flipped(value, place * 41 % len(value)))
            receiver.check(label, value)

    def flip_all(self, name, wanted):
        receiver = Receiver(SCHEMA, SETUP)
        for place, (label, value) in enumerate(FIGURES[name]):
            if label == wanted:
                for position in range(len(value)):
                    self.refuses(receiver, name, place, flipped(value, position))
                return
            receiver.check(label, value)

    def refuses(self, receiver, name, place, value):
        label = FIGURES[name][place][0]
        receiver = copy.deepcopy(receiver)
        with self.assertRaises((AssertionError, ValueError), msg="figure %s, changed to %r" % (label, value)):
            receiver.check(label, value)
            receiver.check(*FIGURES[name][place + 1])


def flipped(value, position):
    """Bytes with one bit changed at a position, or a list the other way round."""
    if isinstance(value, list):
        return value[::-1]
    if isinstance(value, str):
        return value[:position] + ("p" if value[position] == "q" else "q") + value[position + 1:]
    return value[:position] + bytes([value[position] ^ 1 << position % 8]) + value[position + 1:]
