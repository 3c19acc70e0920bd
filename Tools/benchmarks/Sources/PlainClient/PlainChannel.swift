import PeerNoise

/// The bytes below and inside Noise: a socket, WebSocket if the endpoint wants it, and then the cipher.
final class PlainChannel {
    private let socket: PlainSocket
    private var webSocket: PlainWebSocket?
    private var cipher: (sealer: NoiseSealer, opener: NoiseOpener)?
    /// What has come and was not taken: in the clear before Noise, decrypted afterwards.
    private(set) var received: [UInt8] = []

    init(_ endpoint: PlainEndpoint, _ options: PlainOptions = PlainOptions()) throws {
        self.socket = try PlainSocket(port: endpoint.port, options)
        guard endpoint.isWebSocket else { return }
        try PlainWebSocket.request(port: endpoint.port).withUnsafeBytes { try self.socket.write($0) }
        var answer: [UInt8] = []
        while try PlainWebSocket.takeAnswer(from: &answer) == nil {
            try self.socket.read(isWaiting: true) { answer += $0 }
        }
        self.webSocket = PlainWebSocket()
        try answer.withUnsafeBytes { try self.receive($0) }
    }

    /// Encrypts from now on; what has come already belongs to the cipher.
    func secure(_ sealer: NoiseSealer, _ opener: NoiseOpener) throws {
        self.cipher = (sealer, opener)
        let early = self.received
        self.received = []
        try early.withUnsafeBytes { try self.open($0) }
    }

    /// Takes in what comes, waiting for the first byte; with `isWaiting` false perhaps nothing.
    func fill(isWaiting: Bool = true) throws {
        try self.socket.read(isWaiting: isWaiting) { try self.receive($0) }
    }

    /// Lets `body` take from the front of what has come; it says how many bytes it took.
    func take(_ body: (UnsafeRawBufferPointer) throws -> Int) rethrows {
        let count = try self.received.withUnsafeBytes { try body($0) }
        if count == self.received.count {
            self.received.removeAll(keepingCapacity: true)
        } else {
            self.received.removeFirst(count)
        }
    }

    /// Sends bytes as one write.
    func write(_ bytes: [UInt8]) throws {
        guard self.cipher != nil else { return try bytes.withUnsafeBytes { try self.send($0) } }
        var sealed: [UInt8] = []
        sealed.reserveCapacity(bytes.count + 64)
        try bytes.withUnsafeBytes { try self.cipher?.sealer.seal($0) { sealed += $0 } }
        try sealed.withUnsafeBytes { try self.send($0) }
    }

    private func send(_ bytes: UnsafeRawBufferPointer) throws {
        guard self.webSocket != nil else { return try self.socket.write(bytes) }
        try PlainWebSocket.message(bytes).withUnsafeBytes { try self.socket.write($0) }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) throws {
        guard var webSocket = self.webSocket else { return try self.open(bytes) }
        try webSocket.receive(bytes) { try self.open($0) }
        self.webSocket = webSocket
    }

    private func open(_ bytes: UnsafeRawBufferPointer) throws {
        guard let opener = self.cipher?.opener else {
            self.received += bytes
            return
        }
        var offset = 0
        while let plaintext = try opener.next(bytes, at: &offset) { self.received += plaintext }
    }
}
