/// Two whole Noise XX handshakes of libp2p with every private key: one without early muxers, one in which both sides
/// offer yamux. The figures come from an independent implementation in Python.
struct NoiseTranscript: Sendable, CustomStringConvertible {
    let name: String
    let muxers: [String]
    let initiatorStaticKey: String
    let initiatorEphemeralKey: String
    let responderStaticKey: String
    let responderEphemeralKey: String
    let initiatorIdentitySeed: String
    let responderIdentitySeed: String
    let initiatorStaticPublicKey: String
    let responderStaticPublicKey: String
    let initiatorPayload: String
    let responderPayload: String
    let message1: String
    let message2: String
    let message3: String
    let handshakeHash: String
    let keyInitiatorToResponder: String
    let keyResponderToInitiator: String
    let sealedHello: String
    let sealedWorld: String
    let sealedAgain: String

    var description: String { name }

    static let all = [plain, earlyMuxer]

    static let plain = NoiseTranscript(
        name: "plain",
        muxers: [],
        initiatorStaticKey: "54c61a35ce6fece078c5a582e9b3eb8fe61e8b42d33797eca209882fa1ae7d74",
        initiatorEphemeralKey: "1b2e7a1306b0563dfab304cec9c43596eecf1f5498b8965ee64ca4f872ae843e",
        responderStaticKey: "c6ad2e9c9f91673059571a10f6dec54f6e598e71c9dd138a368555b5e3afc995",
        responderEphemeralKey: "286e6b781278902d1880b060948325fa6d05147927b22c09ed1254a6347c389f",
        initiatorIdentitySeed: "934284bfb0997f992b9e4268a671d0951f3a3dd14bbae53afb9ba6c70421b4a1",
        responderIdentitySeed: "02d104122c616c6613a1372e433289a918c24e4ad63b143f8b8112dd4b2bec10",
        initiatorStaticPublicKey: "958c2313faecdf10f5920fe830ed17e63a91dc3b12dfea56bb0178afc7194d21",
        responderStaticPublicKey: "185478126123ec55e290187f531114e55b83fc021f926ef61d945d5be2b3220e",
        initiatorPayload:
            "0a2408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb60612409f2e632c"
            + "b7cacf447fee7d9ac6527d8fb0a3ee0de5922958bafd3ca1c598e23b8e39a6fa440dcede79739049597c6dc5"
            + "07400af08ceabba732488ff048719a05",
        responderPayload:
            "0a24080112208f24fd8c993a0c42740e15f77af5ebf8d571d3e2a0f3c956beb49ed43e388f9d12402d63ac33"
            + "6a279d54b8ec04a4feae14efb07dc20e06a2b81f8812f6039474eec383c5bd1882f7f656da9619544c7e10b6"
            + "ce801b7bc751d71693ab909939db650b",
        message1: "174d7850bb74985a012abc4521d55b5fef9a3fcc0f2dbecea4634a8000326931",
        message2:
            "98853e0628fc2a38755d6c816dab81c19c219d4e0ac0d2b0cd82749150ee686de8784aad5309b32f8426404f"
            + "54f491166ab8f56b2762875b51eaa08a416cde0d6bd9840d3727ce76a83044c8d22b94c8961e622e7cd3de50"
            + "96eb3f34772b028c3aa4480ebcff9fd43a11938f90bc7eebc8e802976a99f35e4651291f629cbb48c0ad6b8b"
            + "cc601cfef7e77422e74c5f058176dc4d4b3c75fdced01d8767a7ea48874abe6c3ba2971b796e361383afb9a8"
            + "c61429d3f03f454431489b87ef69a3970f686cfdb2666f61",
        message3:
            "f92a76c40de0d4ae76a57a469a421c0920354712cf380b0808c5a5dc78d370148e87c8f2a7c1f141ed7e7d2e"
            + "2cbdc168c4fc513967062b0ed699f03fca63a5083a2ec5448fae31e3c897fb946885537dd8ec61b314ce3b5e"
            + "2fb1b29a41f0ade172af9700e4e112495400e2215111bd9631c0c2f5b376ae005bcae729ebc895e3c09504d4"
            + "fd8bcbd912f64fa6e33c4c522f5e9563791c655a36351970c7c5031f90bad9aa3234a7cc",
        handshakeHash: "582f931796116f943c896d503d52a6796a2e34542a5c9f1335c892d73ab13f60",
        keyInitiatorToResponder: "d88ec8e9b2b46bd1948f43ee4c4bdb133656291cd69fdb289404d6e984666a7b",
        keyResponderToInitiator: "4cc41aeb552dfde50143aa406d561c710b92d18dfeceeaefa254b5b5cd403677",
        sealedHello: "0937d0c33e802a5c1d3f1335a02a78f24bce24c3b8",
        sealedWorld: "ba15fc85b5d722ebe8a7f5ba1952773936aa1b9687",
        sealedAgain: "a5697012883949b72d6e43e3c55ceac4e44c8e11aa"
    )

    static let earlyMuxer = NoiseTranscript(
        name: "earlyMuxer",
        muxers: ["/yamux/1.0.0"],
        initiatorStaticKey: "54c61a35ce6fece078c5a582e9b3eb8fe61e8b42d33797eca209882fa1ae7d74",
        initiatorEphemeralKey: "1b2e7a1306b0563dfab304cec9c43596eecf1f5498b8965ee64ca4f872ae843e",
        responderStaticKey: "c6ad2e9c9f91673059571a10f6dec54f6e598e71c9dd138a368555b5e3afc995",
        responderEphemeralKey: "286e6b781278902d1880b060948325fa6d05147927b22c09ed1254a6347c389f",
        initiatorIdentitySeed: "934284bfb0997f992b9e4268a671d0951f3a3dd14bbae53afb9ba6c70421b4a1",
        responderIdentitySeed: "02d104122c616c6613a1372e433289a918c24e4ad63b143f8b8112dd4b2bec10",
        initiatorStaticPublicKey: "958c2313faecdf10f5920fe830ed17e63a91dc3b12dfea56bb0178afc7194d21",
        responderStaticPublicKey: "185478126123ec55e290187f531114e55b83fc021f926ef61d945d5be2b3220e",
        initiatorPayload:
            "0a2408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bcd63804fc33645a1eb60612409f2e632c"
            + "b7cacf447fee7d9ac6527d8fb0a3ee0de5922958bafd3ca1c598e23b8e39a6fa440dcede79739049597c6dc5"
            + "07400af08ceabba732488ff048719a05220e120c2f79616d75782f312e302e30",
        responderPayload:
            "0a24080112208f24fd8c993a0c42740e15f77af5ebf8d571d3e2a0f3c956beb49ed43e388f9d12402d63ac33"
            + "6a279d54b8ec04a4feae14efb07dc20e06a2b81f8812f6039474eec383c5bd1882f7f656da9619544c7e10b6"
            + "ce801b7bc751d71693ab909939db650b220e120c2f79616d75782f312e302e30",
        message1: "174d7850bb74985a012abc4521d55b5fef9a3fcc0f2dbecea4634a8000326931",
        message2:
            "98853e0628fc2a38755d6c816dab81c19c219d4e0ac0d2b0cd82749150ee686de8784aad5309b32f8426404f"
            + "54f491166ab8f56b2762875b51eaa08a416cde0d6bd9840d3727ce76a83044c8d22b94c8961e622e7cd3de50"
            + "96eb3f34772b028c3aa4480ebcff9fd43a11938f90bc7eebc8e802976a99f35e4651291f629cbb48c0ad6b8b"
            + "cc601cfef7e77422e74c5f058176dc4d4b3c75fdced01d8767a7ea48874abe6c3ba2971b796e361383afb9a8"
            + "c61429d3f03f454421f42d96de124f95a4323eb3e76b9cd78518c293e5dbf3d5c0681b3694c384f1",
        message3:
            "f92a76c40de0d4ae76a57a469a421c0920354712cf380b0808c5a5dc78d37014c6f92b1517fa7d496c778131"
            + "c2cfd35bc4fc513967062b0ed699f03fca63a5083a2ec5448fae31e3c897fb946885537dd8ec61b314ce3b5e"
            + "2fb1b29a41f0ade172af9700e4e112495400e2215111bd9631c0c2f5b376ae005bcae729ebc895e3c09504d4"
            + "fd8bcbd912f64fa6e33c4c522f5e9563791c655ab421130e4b5dce87807f2b0b9c138b2afad26cf5ae99b4eb"
            + "204d43d24532c61a",
        handshakeHash: "49fec3561d57323599993b21eafdf7630211cb238d685937ddb79e60fbe4c27f",
        keyInitiatorToResponder: "d88ec8e9b2b46bd1948f43ee4c4bdb133656291cd69fdb289404d6e984666a7b",
        keyResponderToInitiator: "4cc41aeb552dfde50143aa406d561c710b92d18dfeceeaefa254b5b5cd403677",
        sealedHello: "0937d0c33e802a5c1d3f1335a02a78f24bce24c3b8",
        sealedWorld: "ba15fc85b5d722ebe8a7f5ba1952773936aa1b9687",
        sealedAgain: "a5697012883949b72d6e43e3c55ceac4e44c8e11aa"
    )
}
