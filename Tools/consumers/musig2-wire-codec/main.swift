import Multiformats
import WireCodec

let address = try Multiaddr("/ip4/127.0.0.1/tcp/4001")
let decoded = try Multiaddr(bytes: address.bytes)
precondition(decoded == address)

let text = Array(String(repeating: "one package alone ", count: 100).utf8)
let packed = try Zlib.deflate(text)
let unpacked = try Zlib.inflate(packed, limit: text.count)
precondition(unpacked == text)

var decoder = FrameDecoder(maximumLength: 65_536)
let frames = try decoder.feed(FrameEncoder.encode(packed))
precondition(frames == [packed])
print("\(text.count) bytes in a frame of \(packed.count), for \(address)")
