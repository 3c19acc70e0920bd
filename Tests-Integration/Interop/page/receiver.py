"""Checks figures as a receiver does: decodes and verifies them in their order, and knows no secret."""

import re

import bech32m
import bip327
import bip340
import page
import protocol
import rules
import wire


class Receiver:
    """What is known of a session from the figures so far. `earlier` is one that has the same nonces and runs."""

    def __init__(self, schema, setup, earlier=None):
        self.schema, self.setup = schema, setup
        self.runs = dict(earlier.runs) if earlier else {}
        self.nonces = dict(earlier.nonces) if earlier else {}
        self.last = self.subject = None

    def check(self, label, value):
        """Fails unless the figure is known and right."""
        for pattern, method in CHECKS:
            match = re.fullmatch(pattern, label)
            if match:
                arguments = [int(group) for group in match.groups() if group is not None]
                holds = method(self, value, *arguments)
                self.last = value
                if not holds:
                    raise AssertionError("figure %s is wrong" % label)
                return
        raise AssertionError("figure %s is not checked" % label)

    def decode(self, name, data):
        """The fields of a message."""
        return wire.decode(self.schema, name, data)

    def descriptor(self, value):
        self.bytes, self.values = value, self.decode("Descriptor", value)
        rules.check_descriptor(self.values)
        self.id = protocol.session_id(value)
        self.signers, self.messages = self.values["signer_keys"], self.values["messages"]
        self.message_keys = self.values["message_keys"] or self.signers
        self.keys = bip327.Keys(self.signers)
        self.bodies, self.signed, self.partials, self.finals = {}, {}, {}, []
        self.hashes, self.leaves, self.commits = [], [], {}
        return True

    def session_id(self, value):
        return value == self.id

    def key(self, value):
        """The internal key, or the final one after all tweaks."""
        return value == self.keys.x

    def tweak(self, value):
        expected = protocol.taproot_tweak(self.keys.x, self.values["taproot"]["merkle_root"])
        self.keys.tweak(value, x_only=True)
        return value == expected

    def election(self, value, index):
        self.hashes.append(value)
        return index == len(self.hashes) - 1 and value == protocol.election(self.id, self.signers[index])

    def order(self, value):
        return len(self.hashes) == len(self.signers) and value == protocol.order(self.hashes)

    def rendezvous(self, value, day):
        self.place = value
        return self._is_day(day) and value == protocol.dht_key("rendezvous", self.id, day)

    def inbox(self, value, index, day):
        return self._is_day(day) and value == protocol.dht_key("inbox", self.message_keys[index][1:], day)

    def _is_day(self, day):
        """Whether it is the day on which the session was created."""
        return day == self.values["created_ms"] // 1000 // protocol.DAY

    def announcement(self, value):
        self.subject = value, self.values["creator"], "announcement"
        announcement = self.decode("Announcement", value)
        return (announcement["descriptor"] == self.bytes and announcement["ways"] == 1
                and announcement["peer_id"] == self.setup.peers[self.values["creator"]]
                and len(announcement["addresses"]) == 1 and announcement["sequence"] == self.values["created_ms"])

    def hello(self, value):
        self.subject, self.x = (value, 1, "hello-joiner"), value
        provider, joiner = self.setup.peers[:2]
        return value == protocol.hello(self.id, provider, joiner, value[-64:-32], value[-32:])

    def proof(self, value):
        return value == protocol.tagged("hello-provider", self.subject[0])

    def signature(self, value):
        """The signature of the last announcement, HELLO or body."""
        data, index, tag = self.subject
        self.signed[data] = value
        return bip340.verify(self.message_keys[index][1:], protocol.tagged(tag, data), value)

    def body(self, value, *index):
        """A body of the session, in its signer's run, with a payload that its type names."""
        body = self.decode("Body", value)
        sender, kind = body["index"], body["type"]
        if kind not in PAYLOADS or sender >= len(self.signers):
            raise wire.Refused("no such type or signer here")
        self.subject = value, sender, "message"
        self.bodies[sender, kind] = value
        payload = self.decode(self.schema.payload(kind), body["payload"])
        in_attempt = body["attempt"] == {1: 0, 8: 0, 9: 0, 13: 0, 7: 2}.get(kind, 1)
        same_run = body["run"] == self.runs.setdefault(sender, body["run"])
        right_signer = not index or index[0] == sender
        right_session = body["session_id"] == self.id
        return in_attempt and same_run and right_signer and right_session and PAYLOADS[kind](self, sender, payload)

    def join(self, sender, payload):
        return payload["peer_id"] == self.setup.peers[sender] and len(payload["addresses"]) == 1

    def nonce_share(self, sender, payload):
        self.nonces[sender] = payload["nonces"]
        for nonce in payload["nonces"]:
            bip327.nonce_points(nonce)
        if sender in self.commits and not self._opens(sender, payload["nonces"]):
            return False
        return len(payload["nonces"]) == len(self.messages)

    def nonce_commit(self, sender, payload):
        """A commitment to the leaf that stands above it; the second of a signer is to another."""
        bodies = self.commits.setdefault(sender, [])
        bodies.append(self.subject[0])
        return (payload["leaf"] == self.leaves[sender]) == (len(bodies) == 1)

    def _opens(self, sender, nonces):
        """Whether a signer's nonces are those that it committed to."""
        return protocol.leaf(self.id, 1, sender, self.runs[sender], nonces) == self.leaves[sender]

    def commits_complete(self, sender, payload):
        return payload["transcript"] == protocol.transcript(self.id, 1, self.leaves)

    def evidence(self, sender, payload):
        """Two commitments of signer 1 in one run, shown by signer 0."""
        shown = [{"body": body, "signature": self.signed[body]} for body in self.commits[1]]
        return sender == 0 and len(shown) == 2 and payload == {
            "kind": 1, "culprit": 1, "signed_messages": shown, "leaves": [], "aggregate_nonces": [], "descriptor": b""}

    def nonces_complete(self, sender, payload):
        coordinator = protocol.order(self.hashes)[0]
        return (sender == coordinator and payload["leaves"] == self.leaves
                and payload["aggregate_nonces"] == self.aggregates())

    def partial_share(self, sender, payload):
        self.partials[sender] = payload["partials"]
        is_right = [signing.verify(partial, nonce, self.signers[sender]) for signing, partial, nonce
                    in zip(self.signings(), payload["partials"], self.nonces[sender])]
        return payload["context"] == self.context_hash() and is_right == [True] * len(self.messages)

    def restart(self, sender, payload):
        """The two that the page tells of: signer 2 misses signer 0, and signer 0 says all else."""
        lists = payload["reason"], payload["not_heard"], payload["context_differs"], payload["new_runs"]
        return lists == {2: (1, [0], [], []), 0: (2, [], [1, 2], [1])}.get(sender)

    def abort(self, sender, payload):
        return sender == 1 and payload == {"reason": 1, "stage": 1, "text": "enough", "evidence": None}

    def decline(self, sender, payload):
        return sender == 2 and payload == {"reason": "no time"}

    def hashed_body(self, value):
        """The hash of signer 0's NONCE_SHARE."""
        return value == protocol.tagged("message", self.bodies[0, 4])

    def leaf(self, value, index):
        self.leaves.append(value)
        if index != len(self.leaves) - 1:
            return False
        # With commitments the nonces that open them come later.
        return bool(self.values["commitment_round"]) or self._opens(index, self.nonces[index])

    def transcript(self, value):
        return value == protocol.transcript(self.id, 1, self.leaves)

    def aggregates(self):
        """The aggregate nonce of each message."""
        columns = zip(*[self.nonces[index] for index in range(len(self.signers))])
        return [bip327.aggregate_nonce(column) for column in columns]

    def aggregate(self, value, index=0):
        return value == self.aggregates()[index]

    def context_hash(self):
        """C."""
        return protocol.context(protocol.transcript(self.id, 1, self.leaves), self.aggregates())

    def context(self, value):
        return value == self.context_hash()

    def signings(self):
        """What is signed, for each message."""
        return [bip327.Signing(self.keys, nonce, message)
                for nonce, message in zip(self.aggregates(), self.messages)]

    def final(self, value, index=0):
        """The sum of the partial signatures, valid under the final key."""
        self.finals.append(value)
        partials = [self.partials[signer][index] for signer in range(len(self.signers))]
        return value == self.signings()[index].final(partials) and bip340.verify(
            self.keys.x, self.messages[index], value)

    def final_alone(self, value):
        """A final signature of which no partial is shown."""
        return bip340.verify(self.keys.x, self.messages[0], value)

    def frame(self, value, index):
        """A frame of messages that stand on the page, all by one signer: JOIN and nonces, or one other."""
        messages = [item["body"] for name, item in wire.read_frame(self.schema, value) if name == "signed_message"]
        kinds = [self.decode("Body", body)["type"] for body in messages]
        by_signer = all(self.bodies.get((index, kind)) == body for kind, body in zip(kinds, messages))
        return kinds in ([1, 4], [1, 2], [3], [4], [5], [6]) and by_signer and value == self._framed(messages)

    def _framed(self, bodies):
        """The frame of bodies with the signatures that the page has for them."""
        return protocol.signed_frame(self.schema, [(body, self.signed[body]) for body in bodies])

    def its_frame(self, value):
        """The frame of the last SYNC, or of the last body and its signature."""
        (name, item), = wire.read_frame(self.schema, value)
        if name == "sync":
            return wire.encode(self.schema, "Sync", item) == self.last
        return name == "signed_message" and value == self._framed([self.subject[0]])

    def hello_frame(self, value):
        """The first step: which place was found, and a number for the exchange."""
        return self._items(value) == [("hello", {"dht_key": self.place, "a": self.x[-64:-32]})]

    def proof_frame(self, value):
        proof = {"a": self.x[-64:-32], "b": self.x[-32:], "proof": protocol.tagged("hello-provider", self.x)}
        return self._items(value) == [("hello_proof", proof)]

    def joiner_frame(self, value):
        joiner = {"a": self.x[-64:-32], "message_key": self.message_keys[1], "signature": self.signed[self.x]}
        return self._items(value) == [("hello_joiner", joiner)]

    def answer(self, value):
        """The announcement with its signature, whose session is not over."""
        (name, answer), = self._items(value)
        (signed,) = answer["announcements"]
        return (name == "hello_announcements" and answer["a"] == self.x[-64:-32] and not answer["over"]
                and self.decode("Announcement", signed["announcement"])["descriptor"] == self.bytes
                and self.signed[signed["announcement"]] == signed["signature"])

    def _items(self, value):
        return wire.read_frame(self.schema, value)

    def invitation(self, value):
        """The session, and the address of signer 0's peer."""
        prefix, data = bech32m.decode(value)
        address = page.with_peer(page.multiaddr(self.setup.address.replace("(i + 1)", "1")), self.setup.peers[0])
        return prefix == "musig2" and self.decode("Invitation", data) == {
            "session_id": self.id, "addresses": [address]}

    def finalized(self, value):
        expected = {"session_id": self.id, "signatures": self.finals}
        return wire.read_frame(self.schema, value) == [("signature_finalized", expected)]

    def sync(self, value, sender):
        """A SYNC that wants something of each column in which its sender lacks something."""
        wanted = self._sync(value, sender, final=False)["wanted"]
        return wanted == [{"type": kind, "indices": indices} for kind, indices in WANTED[sender]]

    def sync_final(self, value, sender):
        return self._sync(value, sender, final=True)["wanted"] == []

    def sync_leaves(self, value):
        sync = self._sync(value, 1, final=False, leaves=self.leaves)
        return sync["wanted"] == [{"type": 11, "indices": []}]

    def _sync(self, value, sender, final, leaves=()):
        """A SYNC of the first attempt, with what it wants."""
        sync = self.decode("Sync", value)
        rest = {name: field for name, field in sync.items() if name != "wanted"}
        if rest != {"session_id": self.id, "attempt": 1, "index": sender, "run": self.runs[sender],
                    "final": int(final), "leaves": list(leaves)}:
            raise AssertionError("the SYNC of %d says something else" % sender)
        return sync


# What the SYNCs want: in the mesh signer 0 from signer 1, in the star signer 1 from the coordinator.
WANTED = {0: [(1, [1]), (4, [1])], 1: [(1, [2]), (5, [0]), (11, [])]}

PAYLOADS = {
    1: Receiver.join, 2: Receiver.nonce_commit, 3: Receiver.commits_complete, 4: Receiver.nonce_share,
    5: Receiver.nonces_complete, 6: Receiver.partial_share, 7: Receiver.restart, 8: Receiver.abort,
    9: Receiver.evidence, 13: Receiver.decline,
}

CHECKS = [
    (r"descriptor(?:, root)?", Receiver.descriptor),
    (r"session id(?:, root)?", Receiver.session_id),
    (r"internal key|final key(?:, root)?", Receiver.key),
    (r"tweak(?:, root)?", Receiver.tweak),
    (r"election, (\d+)", Receiver.election),
    (r"order", Receiver.order),
    (r"rendezvous, (\d+)", Receiver.rendezvous),
    (r"inbox of (\d+), (\d+)", Receiver.inbox),
    (r"announcement", Receiver.announcement),
    (r"hello x", Receiver.hello),
    (r"hello proof", Receiver.proof),
    (r"(?:its|joiner|NONCES_COMPLETE|RESTART|RESTART of \d+|ABORT|DECLINE|EVIDENCE|(?:other )?[A-Z_]+ \d+) signature", Receiver.signature),
    (r"(?:JOIN|(?:NONCE_|other )COMMIT|COMPLETE|NONCE_SHARE|PARTIAL|RESTART of) (\d+) body", Receiver.body),
    (r"(?:NONCES_COMPLETE|RESTART|ABORT|DECLINE|EVIDENCE) body", Receiver.body),
    (r"H\(message, body\)", Receiver.hashed_body),
    (r"frame of (\d+)", Receiver.frame),
    (r"its frame", Receiver.its_frame),
    (r"leaf (\d+)", Receiver.leaf),
    (r"T", Receiver.transcript),
    (r"aggregate nonce(?: (\d+))?", Receiver.aggregate),
    (r"C", Receiver.context),
    (r"final signature(?: (\d+))?", Receiver.final),
    (r"signature, root", Receiver.final_alone),
    (r"FINALIZED frame", Receiver.finalized),
    (r"Hello frame", Receiver.hello_frame),
    (r"HelloProof frame", Receiver.proof_frame),
    (r"HelloJoiner frame", Receiver.joiner_frame),
    (r"its answer", Receiver.answer),
    (r"invitation", Receiver.invitation),
    (r"SYNC of (\d+)", Receiver.sync),
    (r"SYNC of (\d+), final", Receiver.sync_final),
    (r"SYNC, leaves", Receiver.sync_leaves),
]
