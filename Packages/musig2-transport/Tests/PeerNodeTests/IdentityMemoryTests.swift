#if os(Linux)
    import Foundation
    import Multiformats
    import PeerNode
    import PeerTransportNIO
    import Secp256k1
    import Testing

    /// An identity's key in the memory of a process that reads it, signs with it and writes it.
    struct IdentityMemoryTests {
        @Test(arguments: [KeyType.ed25519, .secp256k1])
        func k18TheKeyIsInPagesForSecretsAlone(type: KeyType) async throws {
            let folder: String = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString).path
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            defer { #expect(throws: Never.self) { try FileManager.default.removeItem(atPath: folder) } }
            let made = type == .ed25519 ? NodeIdentity.generateEd25519() : .generateSecp256k1()
            try made.save(to: "\(folder)/identity")
            await #expect(processExitsWith: .success) { [folder = folder as String] in
                SecretMemory.protect()
                let identity = try #require(try NodeIdentity.load(from: "\(folder)/identity"))
                _ = try identity.signature(for: [1, 2, 3])
                try identity.save(to: "\(folder)/copy")
                let fresh = try NodeIdentity.loadOrCreate(
                    at: "\(folder)/fresh", kind: identity.publicKey.type == .ed25519 ? .ed25519 : .secp256k1)
                _ = try fresh.signature(for: [1, 2, 3])
                try MemoryDump.write(to: "\(folder)/dump")
                withExtendedLifetime((identity, fresh)) {}
            }
            for file in ["identity", "fresh"] {
                let message = try PrivateKeyProtobuf(
                    bytes: Array(Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(file)"))))
                let secret = Array(message.data.prefix(32))
                #expect(try MemoryDump.places(of: secret, in: "\(folder)/dump") == [], "\(file)")
            }
            let kept = try Data(contentsOf: URL(fileURLWithPath: "\(folder)/copy"))
            #expect(try kept == Data(contentsOf: URL(fileURLWithPath: "\(folder)/identity")))
        }
    }
#endif
