public import Multiformats

/// Every bound that the decoders of this module keep; the defaults are those of the protocol, version 1.
///
/// A limit is part of what peers agree on: a node that raises one sends what others refuse. Those of sessions can be lowered.
public struct WireLimits: Hashable, Sendable {
    /// The longest frame, and the most bytes that the deflated items of one frame may inflate to.
    public var frameBytes = 1 << 20
    /// The most items in a frame.
    public internal(set) var frameItems = 4_096
    /// The longest descriptor.
    public var descriptorBytes = 256 << 10
    /// The most bytes that the messages to be signed may have together.
    public var messagesBytes = 192 << 10
    /// The longest signed announcement that may stand in the DHT as a record.
    public internal(set) var recordAnnouncementBytes = 16 << 10
    /// The most signers of a session.
    public var signers = 1_000
    /// The most signers of a session in mesh topology.
    public var meshSigners = 32
    /// The most signers times messages.
    public var signersTimesMessages = 8_192
    /// The most tweaks of a session.
    var tweaks = 256
    /// The most bytes that keys and values of the metadata may have together.
    var metadataBytes = 8 << 10
    /// The most metadata pairs.
    var metadataPairs = 256
    /// The longest phase timeout, in milliseconds: 6 h, where doubling ends too.
    var phaseTimeoutMilliseconds: UInt64 = 6 * 3_600_000
    /// The most addresses that a peer may name.
    public internal(set) var addresses = 8
    /// The longest binary multiaddr, in bytes.
    public internal(set) var addressBytes = 128
    /// The longest peer id, in bytes; those of libp2p have 34 to 44.
    public internal(set) var peerIDBytes = 64
    /// The longest text for people (of ABORT, DECLINE and errors), in bytes of UTF-8.
    public internal(set) var textBytes = 512
    /// The most signed messages in evidence: those of three rounds of all signers, and two more.
    var evidenceMessages: Int { 3 * signers + 2 }
    /// The most announcements in one answer of HELLO.
    public internal(set) var helloAnnouncements = 256
    /// The longest Kademlia message, in bytes.
    public internal(set) var kademliaMessageBytes = 64 << 10
    /// The most peers that are read of one list of a Kademlia message, and the most addresses of one peer; the rest is
    /// skipped.
    var kademliaPeers = 64
    /// The longest part of an identify message, in bytes; go-libp2p sends up to ten.
    public internal(set) var identifyBytes = 8 << 10
    /// The most protocols, and the most addresses, in a part of an identify message.
    var identifyEntries = 1_024
    /// The longest payload of a Noise handshake message, in bytes.
    public internal(set) var noisePayloadBytes = 4 << 10
    /// The longest text of an invitation, in characters.
    var invitationCharacters = 2_048

    /// The limits of the protocol.
    public init() {}

    /// Those of a peer's addresses that have room in a message: at most ``addresses`` of at most ``addressBytes``, the worthiest, of
    /// each kind one before a second of any (`AddressOrder.worthiest(_:atMost:)`).
    public func told(_ all: [Multiaddr]) -> [Multiaddr] {
        AddressOrder.worthiest(all.filter { $0.bytes.count <= addressBytes }, atMost: addresses)
    }

    /// The limits of the protocol.
    public static let standard = WireLimits()

    /// The limits for answers in Kademlia, of which others put no bound on the providers they name: 4 MiB a message, as go-libp2p
    /// has it.
    public static let kademliaAnswers = {
        var limits = WireLimits()
        limits.kademliaMessageBytes = 4 << 20
        return limits
    }()
}
