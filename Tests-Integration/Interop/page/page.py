"""Reads the worked example of docs/protocol.md: the table of what all sessions share, and the figures of each."""

import collections
import os
import re

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
PAGE = os.path.join(ROOT, "docs/protocol.md")
PROTO = os.path.join(ROOT, "Packages/musig2-wire-codec/Protos/musig2.proto")

SECTION = re.compile(r"^## \d+\. A worked example\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
PART = re.compile(r"^### ([^\n]+)\n(.*?)(?=^### |\Z)", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| (.+?) \| (.+) \|$", re.MULTILINE)
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"

# Rows that are sentences: what they say is written down in maker.py.
SENTENCES = ["what", "---", "signer i", "auxiliary randomness"]

Setup = collections.namedtuple("Setup", "numbers run peers address")


def read(path):
    """The text of a file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def worked_example(text):
    """What stands before the first session, and the text of each session by its heading."""
    section = SECTION.search(text).group(1)
    return section.split("\n### ")[0], dict(PART.findall(section))


def figures(part):
    """The figures of a session's blocks in their order, each a label and a value."""
    found = []
    for block in BLOCK.findall(part):
        lines = block.rstrip("\n").split("\n")
        column = re.match(r"\S+(?: \S+)* {2,}", lines[0]).end()
        for line in lines:
            label, value = line[:column].strip(), line[column:].strip()
            if label:
                found.append((label, value))
            else:
                found[-1] = (found[-1][0], found[-1][1] + value)
    return [(label, _value(value)) for label, value in found]


def _value(text):
    """Indices with commas between them, the text of an invitation, or bytes in hexadecimal digits."""
    if text.startswith("musig2"):
        return text
    return [int(index) for index in text.split(", ")] if "," in text else bytes.fromhex(text)


def setup(head):
    """What the table says: numbers by name, the number of the runs, the peer ids, and the binary addresses' text."""
    numbers, run, peers, address = {}, None, [], None
    for name, value in ROW.findall(head):
        if name.startswith("`"):
            found = re.findall(r"\b\d+\b", value)
            numbers.update(zip(re.findall(r"\w+", name), map(int, found)))
        elif name == "run of signer i":
            run = int(re.match(r"number (\d+)", value).group(1))
        elif name == "peer of signer %d" % len(peers):
            peers.append(base58(value.strip("`")))
        elif name == "address of signer i":
            address = re.match(r"`(.+?)`", value).group(1)
        elif name not in SENTENCES:
            raise AssertionError("the row %s is not checked" % name)
    return Setup(numbers, run, peers, address)


def base58(text):
    """The bytes of a text in base 58."""
    number = 0
    for character in text:
        number = number * 58 + ALPHABET.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def multiaddr(text):
    """The binary form of an address of IPv4 and TCP."""
    _, ip4, host, tcp, port = text.split("/")
    if (ip4, tcp) != ("ip4", "tcp"):
        raise ValueError("an address of another kind")
    return b"\x04" + bytes(map(int, host.split("."))) + b"\x06" + int(port).to_bytes(2, "big")


def with_peer(address, peer):
    """A binary address that ends in /p2p/ and a peer id."""
    return address + b"\xa5\x03" + bytes([len(peer)]) + peer
