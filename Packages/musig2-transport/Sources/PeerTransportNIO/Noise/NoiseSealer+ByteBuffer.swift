import NIOCore
import PeerNoise

extension NoiseSealer {
    /// Seals the plaintext and appends it to `output` as framed messages.
    mutating func seal(_ plaintext: UnsafeRawBufferPointer, into output: inout ByteBuffer) throws(NoiseError) {
        try seal(plaintext) { output.writeBytes($0) }
    }
}
