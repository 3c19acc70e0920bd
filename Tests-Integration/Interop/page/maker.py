"""Makes the figures of the worked example from its sentences alone: what the signers of each session would send."""

import bech32m
import bip327
import bip340
import curve
import page
import protocol
import wire

ZERO_RANDOMNESS = bytes(32)
A, B = b"\xaa" * 32, b"\xbb" * 32
RENDEZVOUS = 1


class Session:
    """What n signers with the secret keys 1 to n make of a session in its first attempt."""

    def __init__(self, schema, setup, secret_nonces, **descriptor):
        self.schema, self.setup, self.secret_nonces = schema, setup, secret_nonces
        self.n = len(secret_nonces)
        self.public_keys = [curve.compress(curve.multiply(curve.G, self.secret(i))) for i in range(self.n)]
        self.messages = descriptor["messages"]
        self.message_secrets = descriptor.pop("message_secrets", list(range(1, self.n + 1)))
        self.message_publics = [curve.compress(curve.multiply(curve.G, secret)) for secret in self.message_secrets]
        self.descriptor = wire.encode(schema, "Descriptor", dict(
            descriptor, version=1, scheme=1, signer_keys=self.public_keys, **setup.numbers))
        self.id = protocol.session_id(self.descriptor)
        self.keys = bip327.Keys(self.public_keys)
        self.nonces = [[bip327.public_nonce(pair) for pair in pairs] for pairs in secret_nonces]
        self.leaves = [protocol.leaf(self.id, 1, i, self.run(i), self.nonces[i]) for i in range(self.n)]
        self.transcript = protocol.transcript(self.id, 1, self.leaves)
        self.aggregates = [bip327.aggregate_nonce(column) for column in zip(*self.nonces)]
        self.context = protocol.context(self.transcript, self.aggregates)

    @staticmethod
    def secret(index):
        """A signer's secret key."""
        return index + 1

    def run(self, index):
        """A signer's run."""
        return (self.setup.run << 20) + index + 1

    def address(self, index):
        """A signer's address in its binary form."""
        return page.multiaddr(self.setup.address.replace("(i + 1)", str(index + 1)))

    def sign(self, index, tag, data):
        """A signer's protocol signature."""
        return bip340.sign(self.message_secrets[index], protocol.tagged(tag, data), ZERO_RANDOMNESS)

    def body(self, index, number, attempt=0, **payload):
        """The body of a signer's message of a type."""
        name = self.schema.payload(number)
        return wire.encode(self.schema, "Body", {
            "session_id": self.id, "attempt": attempt, "index": index, "run": self.run(index), "type": number,
            "payload": wire.encode(self.schema, name, payload)})

    def signed(self, index, body):
        """A body and its signature."""
        return body, self.sign(index, "message", body)

    def join(self, index):
        return self.signed(index, self.body(
            index, 1, peer_id=self.setup.peers[index], addresses=[self.address(index)]))

    def nonce_commit(self, index, leaf=None):
        return self.signed(index, self.body(index, 2, attempt=1, leaf=leaf or self.leaves[index]))

    def commits_complete(self, index):
        return self.signed(index, self.body(index, 3, attempt=1, transcript=self.transcript))

    def nonce_share(self, index):
        return self.signed(index, self.body(index, 4, attempt=1, nonces=self.nonces[index]))

    def nonces_complete(self, index):
        return self.signed(index, self.body(
            index, 5, attempt=1, leaves=self.leaves, aggregate_nonces=self.aggregates))

    def partials(self, index):
        """A signer's partial signatures of all messages."""
        return [signing.partial(self.secret(index), pair)
                for signing, pair in zip(self.signings(), self.secret_nonces[index])]

    def partial_share(self, index):
        return self.signed(index, self.body(index, 6, attempt=1, context=self.context, partials=self.partials(index)))

    def signings(self):
        """What is signed, for each message."""
        return [bip327.Signing(self.keys, nonce, message) for nonce, message in zip(self.aggregates, self.messages)]

    def finals(self):
        """The final signatures of all messages."""
        columns = zip(*[self.partials(i) for i in range(self.n)])
        return [signing.final(column) for signing, column in zip(self.signings(), columns)]

    def finalized_frame(self):
        item = {"session_id": self.id, "signatures": self.finals()}
        return wire.write_frame(self.schema, [("signature_finalized", item)])

    def frame(self, *messages):
        return protocol.signed_frame(self.schema, messages)

    def sync(self, index, **values):
        """A SYNC of the first attempt, and its frame."""
        values = dict(values, session_id=self.id, attempt=1, index=index, run=self.run(index))
        return wire.encode(self.schema, "Sync", values), wire.write_frame(self.schema, [("sync", values)])


def pair(label, message):
    """The figures of a signed message."""
    return [(label + " body", message[0]), (label + " signature", message[1])]


def each(label, values):
    """Figures with an index behind their label."""
    return [("%s %d" % (label, index), value) for index, value in enumerate(values)]


def election(session):
    """The figures of the election, for each signer and as the order."""
    hashes = [protocol.election(session.id, key) for key in session.public_keys]
    return each("election,", hashes) + [("order", protocol.order(hashes))]


def first_messages(session):
    """The figures of all JOINs and NONCE_SHAREs."""
    figures = []
    for label, make in ("JOIN", session.join), ("NONCE_SHARE", session.nonce_share):
        for index in range(session.n):
            figures += pair("%s %d" % (label, index), make(index))
    return figures


def partial_messages(session):
    """The figures of all PARTIAL_SIG_SHAREs."""
    return [figure for index in range(session.n)
            for figure in pair("PARTIAL %d" % index, session.partial_share(index))]


def first_frame(session, index):
    """The frame with which a signer begins."""
    return "frame of %d" % index, session.frame(session.join(index), session.nonce_share(index))


def partial_frame(session, index):
    """The frame of a signer's partial signatures."""
    return "frame of %d" % index, session.frame(session.partial_share(index))


def mesh(schema, setup):
    """The session of two in a mesh."""
    return Session(schema, setup, [[(1, 2)], [(2, 1)]], messages=[b"hello"], topology=1, random=bytes(range(32)))


def mesh_figures(session):
    """The figures of "A mesh of two"."""
    sync, sync_frame = session.sync(0, wanted=[{"type": 1, "indices": [1]}, {"type": 4, "indices": [1]}])
    last, last_frame = session.sync(1, final=True)
    share = session.nonce_share(0)
    return [
        ("descriptor", session.descriptor), ("session id", session.id), ("final key", session.keys.x),
        *election(session), *discovery_figures(session), *first_messages(session),
        ("H(message, body)", protocol.tagged("message", share[0])),
        first_frame(session, 0), first_frame(session, 1),
        *each("leaf", session.leaves), ("T", session.transcript),
        ("aggregate nonce", session.aggregates[0]), ("C", session.context),
        *partial_messages(session), partial_frame(session, 0), ("final signature", session.finals()[0]),
        ("SYNC of 0", sync), ("its frame", sync_frame), ("SYNC of 1, final", last), ("its frame", last_frame),
        ("FINALIZED frame", session.finalized_frame()),
    ]


def discovery_figures(session):
    """The DHT keys, the announcement and the HELLO of the mesh."""
    created = session.setup.numbers["created_ms"]
    day = created // 1000 // protocol.DAY
    announcement = wire.encode(session.schema, "Announcement", {
        "descriptor": session.descriptor, "peer_id": session.setup.peers[0], "addresses": [session.address(0)],
        "sequence": created, "ways": RENDEZVOUS})
    x = protocol.hello(session.id, session.setup.peers[0], session.setup.peers[1], A, B)
    return [
        ("rendezvous, %d" % day, protocol.dht_key("rendezvous", session.id, day)),
        ("inbox of 1, %d" % day, protocol.dht_key("inbox", session.public_keys[1][1:], day)),
        ("announcement", announcement), ("its signature", session.sign(0, "announcement", announcement)),
        ("hello x", x), ("hello proof", protocol.tagged("hello-provider", x)),
        ("joiner signature", session.sign(1, "hello-joiner", x)), *hello_frames(session, day, announcement, x),
        ("invitation", invitation(session)),
    ]


def hello_frames(session, day, announcement, x):
    """What both sides of the HELLO send, in turn."""
    def frame(**item):
        return wire.write_frame(session.schema, list(item.items()))

    signed = {"announcement": announcement, "signature": session.sign(0, "announcement", announcement)}
    return [
        ("Hello frame", frame(hello={"dht_key": protocol.dht_key("rendezvous", session.id, day), "a": A})),
        ("HelloProof frame", frame(hello_proof={"a": A, "b": B, "proof": protocol.tagged("hello-provider", x)})),
        ("HelloJoiner frame", frame(hello_joiner={
            "a": A, "message_key": session.message_publics[1], "signature": session.sign(1, "hello-joiner", x)})),
        ("its answer", frame(hello_announcements={"a": A, "announcements": [signed]})),
    ]


def invitation(session):
    """The invitation to the peer of signer 0."""
    return bech32m.encode("musig2", wire.encode(session.schema, "Invitation", {
        "session_id": session.id, "addresses": [page.with_peer(session.address(0), session.setup.peers[0])]}))


def star(schema, setup):
    """The session of three in a star."""
    nonces = [[(10 * (i + 1) + 2 * j + 1, 10 * (i + 1) + 2 * j + 2) for j in range(2)] for i in range(3)]
    return Session(
        schema, setup, nonces, messages=[b"hello", b""], topology=2, sorted=1, creator=1,
        random=bytes(range(0x20, 0x40)), metadata=[{"key": "purpose", "value": "example"}])


def star_figures(session):
    """The figures of "A star of three"."""
    complete = session.nonces_complete(0)
    return [
        ("descriptor", session.descriptor), ("session id", session.id), ("final key", session.keys.x),
        *election(session), *first_messages(session), first_frame(session, 1), first_frame(session, 2),
        *each("leaf", session.leaves), ("T", session.transcript),
        *each("aggregate nonce", session.aggregates), ("C", session.context),
        *pair("NONCES_COMPLETE", complete), ("frame of 0", session.frame(complete)),
        *partial_messages(session), partial_frame(session, 1), partial_frame(session, 2),
        *each("final signature", session.finals()), ("FINALIZED frame", session.finalized_frame()),
        *trouble_figures(session),
    ]


def trouble_figures(session):
    """What the signers of the star say when something is missing."""
    finals = {"type": 11}
    sync, sync_frame = session.sync(1, wanted=[{"type": 1, "indices": [2]}, {"type": 5, "indices": [0]}, finals])
    leaves, leaves_frame = session.sync(1, wanted=[finals], leaves=session.leaves)
    restart = session.signed(2, session.body(2, 7, attempt=2, reason=1, not_heard=[0]))
    other = session.signed(0, session.body(0, 7, attempt=2, reason=2, context_differs=[1, 2], new_runs=[1]))
    abort = session.signed(1, session.body(1, 8, reason=1, stage=1, text="enough"))
    decline = session.signed(2, session.body(2, 13, reason="no time"))
    return [
        ("SYNC of 1", sync), ("its frame", sync_frame), ("SYNC, leaves", leaves), ("its frame", leaves_frame),
        *pair("RESTART", restart), ("its frame", session.frame(restart)),
        *pair("RESTART of 0", other), ("its frame", session.frame(other)),
        *pair("ABORT", abort), ("its frame", session.frame(abort)),
        *pair("DECLINE", decline), ("its frame", session.frame(decline)),
    ]


def taproot(schema, setup, merkle_root):
    """The mesh with a Taproot output, its internal key, and its tweak."""
    session = Session(schema, setup, [[(1, 2)], [(2, 1)]], messages=[b"hello"], topology=1, random=bytes(range(32)),
                      taproot={"merkle_root": merkle_root})
    internal = session.keys.x
    tweak = protocol.taproot_tweak(internal, merkle_root)
    session.keys.tweak(tweak, x_only=True)
    return session, internal, tweak


def taproot_figures(schema, setup):
    """The figures of "Taproot"."""
    session, internal, tweak = taproot(schema, setup, b"")
    root, _, root_tweak = taproot(schema, setup, b"\x77" * 32)
    return [
        ("descriptor", session.descriptor), ("session id", session.id), ("internal key", internal), ("tweak", tweak),
        ("final key", session.keys.x), *each("leaf", session.leaves), ("T", session.transcript),
        ("C", session.context), *partial_messages(session), partial_frame(session, 0), partial_frame(session, 1),
        ("final signature", session.finals()[0]),
        ("descriptor, root", root.descriptor), ("session id, root", root.id), ("tweak, root", root_tweak),
        ("final key, root", root.keys.x), ("signature, root", root.finals()[0]),
    ]


def commitments(schema, setup):
    """The mesh of two with a commitment round and message keys."""
    return Session(schema, setup, [[(1, 2)], [(2, 1)]], messages=[b"hello"], topology=1, random=bytes(range(0x40, 0x60)),
                   message_secrets=[11, 12], message_keys=[curve.compress(curve.multiply(curve.G, s)) for s in (11, 12)],
                   commitment_round=1, commit_timeout_ms=60000)


def commitments_figures(session):
    """The figures of "Commitments and message keys"."""
    commits = [session.nonce_commit(index) for index in range(session.n)]
    complete = [session.commits_complete(index) for index in range(session.n)]
    shares = [session.nonce_share(index) for index in range(session.n)]
    other = session.nonce_commit(1, leaf=b"\xcc" * 32)
    evidence = session.signed(0, session.body(0, 9, kind=1, culprit=1, signed_messages=[
        {"body": body, "signature": signature} for body, signature in (commits[1], other)]))
    figures = [("descriptor", session.descriptor), ("session id", session.id), ("final key", session.keys.x)]
    for index in range(session.n):
        figures += pair("JOIN %d" % index, session.join(index))
    for index in range(session.n):
        figures.append(("leaf %d" % index, session.leaves[index]))
        figures += pair("NONCE_COMMIT %d" % index, commits[index])
    figures += [("frame of 0", session.frame(session.join(0), commits[0])), ("T", session.transcript)]
    for index in range(session.n):
        figures += pair("COMPLETE %d" % index, complete[index])
    figures.append(("frame of 0", session.frame(complete[0])))
    for index in range(session.n):
        figures += pair("NONCE_SHARE %d" % index, shares[index])
    return figures + [
        ("frame of 0", session.frame(shares[0])), ("C", session.context), *partial_messages(session),
        ("final signature", session.finals()[0]),
        *pair("other COMMIT 1", other), *pair("EVIDENCE", evidence), ("its frame", session.frame(evidence)),
    ]


def all_figures(schema, setup):
    """The figures of each session, by its heading."""
    return {
        "A mesh of two": mesh_figures(mesh(schema, setup)),
        "A star of three": star_figures(star(schema, setup)),
        "Taproot": taproot_figures(schema, setup),
        "Commitments and message keys": commitments_figures(commitments(schema, setup)),
    }
