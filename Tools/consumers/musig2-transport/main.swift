import PeerTransport
import PeerTransportNIO

let echo: ProtocolID = "/echo/1.0.0"
let server = try TCPTransport(identity: .generateEd25519())
let client = try TCPTransport(identity: .generateSecp256k1())

let listener = try await server.listen(on: .init("/ip4/127.0.0.1/tcp/0")) { $0 == echo }
async let accepted = listener.accept()
let connection = try await client.dial(listener.addresses[0], expecting: server.localPeer) { _ in false }
guard let inbound = try await accepted else { fatalError("the listener closed") }
precondition(inbound.remotePeer == client.localPeer)

let outgoing = try await connection.openStream(protocols: [echo]).stream
try await outgoing.write(Array("one package alone".utf8))
try await outgoing.closeWrite()
guard let incoming = try await inbound.acceptStream()?.stream else { fatalError("the connection closed") }
var received: [UInt8] = []
while let bytes = try await incoming.read(upTo: 1_024) {
    received += bytes
}
precondition(received == Array("one package alone".utf8))

await connection.close()
await listener.close()
print("\(received.count) bytes over an encrypted connection to \(server.localPeer)")
