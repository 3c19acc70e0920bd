import MuSig2Session
import Secp256k1
import Testing
import WireCodec

/// The worked example of the protocol's description: a star of three with two messages.
/// The figures were computed by another program, with hashes and a curve of its own.
@Suite("The worked example: star")
struct StarExampleTests {
    static let figures = """
        descriptor                08011001180122210279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f8
                                  1798222102c6047f9441ed7d6d3045406e95c07cd85c778e4b8cef3ca7abac09b95c709ee52221
                                  02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9320568656c6c
                                  6f320048015001580270e0a71278e0a712800180bcd9f29e34880180f690f69e34920120202122
                                  232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f9a01120a07707572706f
                                  736512076578616d706c65
        session id                2ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b2
        final key                 0a8111534296d6fef2b23ad86d0d982b7b2f0fe6a48f03b1827954da2026f8dc
        election, 0               a7b65eb64d30bf6b8ca5e394435c4d8091ffe581ed59b50455ba689f2c8629d4
        election, 1               f4f4f3e7c2aa9ddf7a920ae8afe7a72acca335df8506008920e4d8f55380262c
        election, 2               c578bc6c8955a97ff851d13815672c02b95d239e6cc9bbf09a4163a743c37e53
        order                     0, 2, 1
        JOIN 0 body               0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b2208180c080
                                  deacb98f1a280132320a26002408011220dd6704beec4ae194662fe6ed5a17ff453a49ab9e35bc
                                  d63804fc33645a1eb606120804c0000201060fa1
        JOIN 0 signature          94e0a45e0da28653bf89ef09c8ede348ec531eb319a0bc33ccfd2c7139237d2f4020a241f238d0
                                  ec81a0ead7a401a076d5a3917945ca50b922fada92bf29ee80
        JOIN 1 body               0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21801208280
                                  c080deacb98f1a280132320a260024080112208f24fd8c993a0c42740e15f77af5ebf8d571d3e2
                                  a0f3c956beb49ed43e388f9d120804c0000202060fa1
        JOIN 1 signature          906ad207e0a34338db7d0905ac15f556d01abf76e026b80c1cbe9a23c60e51d79857e8f119d478
                                  26af6312d202ba7d7bf306feb9f5f7e3bfb4ff6545cba323d5
        JOIN 2 body               0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21802208380
                                  c080deacb98f1a280132320a26002408011220cccccccccccccccccccccccccccccccccccccccc
                                  cccccccccccccccccccccccc120804c0000203060fa1
        JOIN 2 signature          a6f472b4ccbf0da06ee00708576cc92bdcc107631dac411ecb681bef8774c6d3089cc68ef2d7ce
                                  158bb889d15c8028b818b88827743fb03ebf85e3b934bdfa38
        NONCE_SHARE 0 body        0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21001208180
                                  c080deacb98f1a28043288010a4203774ae7f858a9411e5ef4246b70c65aac5649980be5c17891
                                  bbec17895da008cb03d01115d548e7561b15c38f004d734633687cf4419620095bc5b0f47070af
                                  e85a0a4203f28773c2d975288bc7d1d205c3748651b075fbc6610e58cddeeddf8f19405aa80349
                                  9fdf9e895e719cfd64e67f07d38e3226aa7b63678949e6e49b241a60e823e4
        NONCE_SHARE 0 signature   1d306e2b2208008ee4e96f7e12912004e577acdd5f117be5f360855003bf0b5ce6417ef572fe24
                                  c1ad3fa1ed294f0a0f79993b1dd9ceedc62b5cee43234f958d
        NONCE_SHARE 1 body        0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21001180120
                                  8280c080deacb98f1a28043288010a4202352bbf4a4cdd12564f93fa332ce333301d9ad40271f8
                                  107181340aef25be59d503421f5fc9a21065445c96fdb91c0c1e2f2431741c72713b4b99ddcb31
                                  6f31e9fc0a42032fa2104d6b38d11b0230010559879124e42ab8dfeff5ff29dc9cdadd4ecacc3f
                                  03fe72c435413d33d48ac09c9161ba8b09683215439d62b7940502bda8b202e6ce
        NONCE_SHARE 1 signature   41aac678e50c3ca40569724b033c19d54282b9d0bb6709e9b0cc410fbddd2e8a310003a8e1ef5c
                                  a09c58c8b5a09bd2ac7aac0715649be2de64b93df704478934
        NONCE_SHARE 2 body        0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21001180220
                                  8380c080deacb98f1a28043288010a42026a245bf6dc698504c89a20cfded60853152b695336c2
                                  8063b61c65cbd269e6b403d30199d74fb5a22d47b6e054e2f378cedacffcb89904a61d75d0dbd4
                                  07143e650a42021697ffa6fd9de627c077e3d2fe541084ce13300b0bec1146f95ae57f0d0bd6a5
                                  031be68a5a028f2601d0e80d468c344ba331d611b96c358b6032e8b4da0547fc11
        NONCE_SHARE 2 signature   18b9bfddfc3140870c3274d33437e7e21d6c91968b3426cbdac5b77aa3a524cac90969fe8b3daa
                                  0e50e21ac77d2dd90150243df2858f80ab7b58f4ed559c8271
        frame of 1                b6030aab010aa8010a640a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5
                                  d76d61d4b21801208280c080deacb98f1a280132320a260024080112208f24fd8c993a0c42740e
                                  15f77af5ebf8d571d3e2a0f3c956beb49ed43e388f9d120804c0000202060fa11240906ad207e0
                                  a34338db7d0905ac15f556d01abf76e026b80c1cbe9a23c60e51d79857e8f119d47826af6312d2
                                  02ba7d7bf306feb9f5f7e3bfb4ff6545cba323d50a85020a82020abd010a202ff9407e3694d727
                                  342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b210011801208280c080deacb98f1a28
                                  043288010a4202352bbf4a4cdd12564f93fa332ce333301d9ad40271f8107181340aef25be59d5
                                  03421f5fc9a21065445c96fdb91c0c1e2f2431741c72713b4b99ddcb316f31e9fc0a42032fa210
                                  4d6b38d11b0230010559879124e42ab8dfeff5ff29dc9cdadd4ecacc3f03fe72c435413d33d48a
                                  c09c9161ba8b09683215439d62b7940502bda8b202e6ce124041aac678e50c3ca40569724b033c
                                  19d54282b9d0bb6709e9b0cc410fbddd2e8a310003a8e1ef5ca09c58c8b5a09bd2ac7aac071564
                                  9be2de64b93df704478934
        frame of 2                b6030aab010aa8010a640a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5
                                  d76d61d4b21802208380c080deacb98f1a280132320a26002408011220cccccccccccccccccccc
                                  cccccccccccccccccccccccccccccccccccccccccccc120804c0000203060fa11240a6f472b4cc
                                  bf0da06ee00708576cc92bdcc107631dac411ecb681bef8774c6d3089cc68ef2d7ce158bb889d1
                                  5c8028b818b88827743fb03ebf85e3b934bdfa380a85020a82020abd010a202ff9407e3694d727
                                  342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b210011802208380c080deacb98f1a28
                                  043288010a42026a245bf6dc698504c89a20cfded60853152b695336c28063b61c65cbd269e6b4
                                  03d30199d74fb5a22d47b6e054e2f378cedacffcb89904a61d75d0dbd407143e650a42021697ff
                                  a6fd9de627c077e3d2fe541084ce13300b0bec1146f95ae57f0d0bd6a5031be68a5a028f2601d0
                                  e80d468c344ba331d611b96c358b6032e8b4da0547fc11124018b9bfddfc3140870c3274d33437
                                  e7e21d6c91968b3426cbdac5b77aa3a524cac90969fe8b3daa0e50e21ac77d2dd90150243df285
                                  8f80ab7b58f4ed559c8271
        leaf 0                    85453fe7d1459d88e62e52d1a2adfb97b83560ec1231079f654d25442eccdffb
        leaf 1                    0a5664579d34e19dd6a662cc812bcfc778f76d4263712dbde76321d7662680a8
        leaf 2                    d85cac72f559217d2b494c271d0bd83640a6d1e7da20e654ed1df4dcc2b9de09
        T                         dcaa94bd077d930cc3e487f128eb4afd2bb0d868319fecf922feae8f0ca39af1
        aggregate nonce 0         03e3e6bd1071a1e96aff57859c82d570f0330800661d1c952f9fe2694691d9b9e803079264c4b4
                                  bfcd7fe3a7b7b92b6c439f3a5b3abcd29189bf7b54d781ff03d722
        aggregate nonce 1         025edd5cc23c51e87a497ca815d5dce0f8ab52554f849ed8995de64c5f34ce714303a8f2c94e19
                                  d9d829ecb4b17f84f42d8c1e988d693df4a1fb659032865ff5154c
        C                         6313af5bc5ea207375e6ee24f58c7c5915f779a05334b679ce3bdacf8b3b0413
        NONCES_COMPLETE body      0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21001208180
                                  c080deacb98f1a280532ee010a2085453fe7d1459d88e62e52d1a2adfb97b83560ec1231079f65
                                  4d25442eccdffb0a200a5664579d34e19dd6a662cc812bcfc778f76d4263712dbde76321d76626
                                  80a80a20d85cac72f559217d2b494c271d0bd83640a6d1e7da20e654ed1df4dcc2b9de09124203
                                  e3e6bd1071a1e96aff57859c82d570f0330800661d1c952f9fe2694691d9b9e803079264c4b4bf
                                  cd7fe3a7b7b92b6c439f3a5b3abcd29189bf7b54d781ff03d7221242025edd5cc23c51e87a497c
                                  a815d5dce0f8ab52554f849ed8995de64c5f34ce714303a8f2c94e19d9d829ecb4b17f84f42d8c
                                  1e988d693df4a1fb659032865ff5154c
        NONCES_COMPLETE signature d355cb2ba4fb30a7b152d80d41c2aa180506fc45184ff482222de0597d4281d782585fe81c2425
                                  89eacc9e4d58bb595ad1576e65df02c6c80c5dd67ea291059c
        frame of 0                ec020ae9020ae6020aa1020a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcba
                                  f5d76d61d4b21001208180c080deacb98f1a280532ee010a2085453fe7d1459d88e62e52d1a2ad
                                  fb97b83560ec1231079f654d25442eccdffb0a200a5664579d34e19dd6a662cc812bcfc778f76d
                                  4263712dbde76321d7662680a80a20d85cac72f559217d2b494c271d0bd83640a6d1e7da20e654
                                  ed1df4dcc2b9de09124203e3e6bd1071a1e96aff57859c82d570f0330800661d1c952f9fe26946
                                  91d9b9e803079264c4b4bfcd7fe3a7b7b92b6c439f3a5b3abcd29189bf7b54d781ff03d7221242
                                  025edd5cc23c51e87a497ca815d5dce0f8ab52554f849ed8995de64c5f34ce714303a8f2c94e19
                                  d9d829ecb4b17f84f42d8c1e988d693df4a1fb659032865ff5154c1240d355cb2ba4fb30a7b152
                                  d80d41c2aa180506fc45184ff482222de0597d4281d782585fe81c242589eacc9e4d58bb595ad1
                                  576e65df02c6c80c5dd67ea291059c
        PARTIAL 0 body            0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21001208180
                                  c080deacb98f1a280632660a206313af5bc5ea207375e6ee24f58c7c5915f779a05334b679ce3b
                                  dacf8b3b04131220f13091ecdff93d954a32c5f312f6517dfbc01e9142593aa0f58c96c7a0d321
                                  57122077283cf1525f78130b9c47f357e1606278bc3ec5259533cecabc6fd3a768cd4b
        PARTIAL 0 signature       c1d65af39be85f66c63738dec0082122fb9dbfb118e9c74f2f7c6244ca010efbe9794fd693c162
                                  d99f0b81d3569dc9d5570c232b468562c63fea94b4338213cf
        PARTIAL 1 body            0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21001180120
                                  8280c080deacb98f1a280632660a206313af5bc5ea207375e6ee24f58c7c5915f779a05334b679
                                  ce3bdacf8b3b041312202177588c2a56624bbcbaecc34a9f3ecc4bf22f391fbb925d6f67e5235c
                                  36a4da12209f9fb14d9e5256d43758f4c5d2355d44e9a27cd350c81ee6a5297217893fa9c9
        PARTIAL 1 signature       af3640d3af4e4064122ac49f492f92156e779649b91444619fedaec0da8feb8b959231efd66364
                                  f27ad2653258f0b383943726c71d3e1b1d33d28fd2839a7ee4
        PARTIAL 2 body            0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21001180220
                                  8380c080deacb98f1a280632660a206313af5bc5ea207375e6ee24f58c7c5915f779a05334b679
                                  ce3bdacf8b3b0413122029e8feb3c25cb52f04bee44b94e76c962611633ec6758cab4f19a33b29
                                  e5c23912205ef6085fb36374897a26a287e1fee250ea538c86d6670b7c1a238c2f18dce56d
        PARTIAL 2 signature       6f62e039dfda7e0a5265e04559948a5a996cc0a9840e6ab762d454f97e20a65e1b3804508cc142
                                  fa42fe0a472c81045f291a109e3ed2c35ef1ff2c167ba70f74
        frame of 1                e5010ae2010adf010a9a010a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcba
                                  f5d76d61d4b210011801208280c080deacb98f1a280632660a206313af5bc5ea207375e6ee24f5
                                  8c7c5915f779a05334b679ce3bdacf8b3b041312202177588c2a56624bbcbaecc34a9f3ecc4bf2
                                  2f391fbb925d6f67e5235c36a4da12209f9fb14d9e5256d43758f4c5d2355d44e9a27cd350c81e
                                  e6a5297217893fa9c91240af3640d3af4e4064122ac49f492f92156e779649b91444619fedaec0
                                  da8feb8b959231efd66364f27ad2653258f0b383943726c71d3e1b1d33d28fd2839a7ee4
        frame of 2                e5010ae2010adf010a9a010a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcba
                                  f5d76d61d4b210011802208380c080deacb98f1a280632660a206313af5bc5ea207375e6ee24f5
                                  8c7c5915f779a05334b679ce3bdacf8b3b0413122029e8feb3c25cb52f04bee44b94e76c962611
                                  633ec6758cab4f19a33b29e5c23912205ef6085fb36374897a26a287e1fee250ea538c86d6670b
                                  7c1a238c2f18dce56d12406f62e039dfda7e0a5265e04559948a5a996cc0a9840e6ab762d454f9
                                  7e20a65e1b3804508cc142fa42fe0a472c81045f291a109e3ed2c35ef1ff2c167ba70f74
        final signature 0         6a01bcc137c1d12fb66c6085e1a320ff92d5951e701a170ab56027cd95d217a03c90e92cccac55
                                  100bac9701f27cfce1b314d4227941b96df43bc09956b94729
        final signature 1         576d7236b1611b146db3c4c38b1291ef584099db81a0860fef27ce5ec9360c8b75bdf69ea41543
                                  70bd1bdf410c159ff992036b389d7bbdf5ca370f8d794f1b40
        FINALIZED frame           ac010aa90112a6010a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d
                                  61d4b212406a01bcc137c1d12fb66c6085e1a320ff92d5951e701a170ab56027cd95d217a03c90
                                  e92cccac55100bac9701f27cfce1b314d4227941b96df43bc09956b947291240576d7236b1611b
                                  146db3c4c38b1291ef584099db81a0860fef27ce5ec9360c8b75bdf69ea4154370bd1bdf410c15
                                  9ff992036b389d7bbdf5ca370f8d794f1b40
        SYNC of 1                 0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21001180120
                                  8280c080deacb98f1a32050801120102320508051201003202080b
        its frame                 460a441a420a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b2
                                  10011801208280c080deacb98f1a32050801120102320508051201003202080b
        SYNC, leaves              0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21001180120
                                  8280c080deacb98f1a3202080b3a2085453fe7d1459d88e62e52d1a2adfb97b83560ec1231079f
                                  654d25442eccdffb3a200a5664579d34e19dd6a662cc812bcfc778f76d4263712dbde76321d766
                                  2680a83a20d85cac72f559217d2b494c271d0bd83640a6d1e7da20e654ed1df4dcc2b9de09
        its frame                 a0010a9d011a9a010a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d
                                  61d4b210011801208280c080deacb98f1a3202080b3a2085453fe7d1459d88e62e52d1a2adfb97
                                  b83560ec1231079f654d25442eccdffb3a200a5664579d34e19dd6a662cc812bcfc778f76d4263
                                  712dbde76321d7662680a83a20d85cac72f559217d2b494c271d0bd83640a6d1e7da20e654ed1d
                                  f4dcc2b9de09
        RESTART body              0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21002180220
                                  8380c080deacb98f1a280732050801120100
        RESTART signature         0c07d4ada87fa8a61256290c7036f0499e5dc9f654d97d9d80771c8510dee7ddfa6818dbf719a6
                                  b9ae9d8ef82b9774fba7ff996f9158fde14baeeb7f62ffb73d
        its frame                 81010a7f0a7d0a390a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d
                                  61d4b210021802208380c080deacb98f1a28073205080112010012400c07d4ada87fa8a6125629
                                  0c7036f0499e5dc9f654d97d9d80771c8510dee7ddfa6818dbf719a6b9ae9d8ef82b9774fba7ff
                                  996f9158fde14baeeb7f62ffb73d
        RESTART of 0 body         0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21002208180
                                  c080deacb98f1a2807320908021a020102220101
        RESTART of 0 signature    0adfdd81798af5a4e753202dde68ea6da9601df1a95f951fa4b902dde1e59c37513c0c230e3574
                                  bce2101d4b21b7afc9181869dda1497c8f7ace4693a6d4ce67
        its frame                 84010a81010a7f0a3b0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d7
                                  6d61d4b21002208180c080deacb98f1a2807320908021a02010222010112400adfdd81798af5a4
                                  e753202dde68ea6da9601df1a95f951fa4b902dde1e59c37513c0c230e3574bce2101d4b21b7af
                                  c9181869dda1497c8f7ace4693a6d4ce67
        ABORT body                0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21801208280
                                  c080deacb98f1a2808320c080110011a06656e6f756768
        ABORT signature           38b7fe310963e6c1a86d46ca66d44a9c6ed776a8dc8f3ae9958427628657a7693baf9b93be6a2b
                                  21692c408348909039c64a3f47fe9bd75042aab06eed80d339
        its frame                 88010a85010a82010a3e0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5
                                  d76d61d4b21801208280c080deacb98f1a2808320c080110011a06656e6f756768124038b7fe31
                                  0963e6c1a86d46ca66d44a9c6ed776a8dc8f3ae9958427628657a7693baf9b93be6a2b21692c40
                                  8348909039c64a3f47fe9bd75042aab06eed80d339
        DECLINE body              0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d76d61d4b21802208380
                                  c080deacb98f1a280d32090a076e6f2074696d65
        DECLINE signature         ca80b10253635a4fa013ec49a2b6c913ed02155b08e3ca2321fd5127be4a1b1038fe6842dc2583
                                  92b71d7bec0fd44edc3fa70092a4f0121ce0d301e7e291e22a
        its frame                 84010a81010a7f0a3b0a202ff9407e3694d727342f9f0cf202b424b6e98c7689fd8505fcbaf5d7
                                  6d61d4b21802208380c080deacb98f1a280d32090a076e6f2074696d651240ca80b10253635a4f
                                  a013ec49a2b6c913ed02155b08e3ca2321fd5127be4a1b1038fe6842dc258392b71d7bec0fd44e
                                  dc3fa70092a4f0121ce0d301e7e291e22a
        """

    private func descriptor() throws -> Descriptor {
        var fields = Descriptor(
            signerKeys: try (0...2).map { try ExampleSession.key($0) },
            messages: [Array("hello".utf8), []],
            createdMilliseconds: ExampleSession.created,
            expiresMilliseconds: ExampleSession.expires,
            random: (32..<64).map { UInt8($0) }
        )
        fields.isSorted = true
        fields.creator = 1
        fields.topology = .star
        fields.metadata = [.init("purpose", "example")]
        return fields
    }

    @Test func figuresAreOurs() throws {
        let secretNonces: [[(UInt64, UInt64)]] = [
            [(11, 12), (13, 14)], [(21, 22), (23, 24)], [(31, 32), (33, 34)],
        ]
        let session = try ExampleSession(descriptor(), secretNonces: secretNonces)
        let id = session.descriptor.id.bytes
        var figures = Figures(Self.figures)
        figures.expect("descriptor", session.descriptor.bytes)
        figures.expect("session id", id)
        figures.expect("final key", try session.descriptor.finalKey().rawRepresentation)
        for signer in 0...2 {
            figures.expect("election, \(signer)", Tag.election.hash(id + (try ExampleSession.key(signer))).bytes)
        }
        figures.expect("order", session.descriptor.electionOrder.indices.map { "\($0)" }.joined(separator: ", "))
        #expect(session.descriptor.electionOrder.coordinator(ofAttempt: 1) == 0)
        try expectFirstRound(session, &figures)
        try expectSecondRound(session, &figures)
        try expectRepairs(session, &figures)
        figures.expectEnd()
    }

    private func expectFirstRound(_ session: ExampleSession, _ figures: inout Figures) throws {
        let joins = try (0...2).map { try session.join($0) }
        let shares = try (0...2).map { try session.nonceShare($0) }
        for signer in 0...2 { figures.expect("JOIN \(signer)", joins[signer]) }
        for signer in 0...2 { figures.expect("NONCE_SHARE \(signer)", shares[signer]) }
        for signer in 1...2 {
            figures.expect("frame of \(signer)", try ExampleSession.frame(joins[signer], shares[signer]))
        }
        for signer in 0...2 { figures.expect("leaf \(signer)", session.leaves[signer].bytes) }
        figures.expect("T", session.transcript.bytes)
        for message in 0...1 { figures.expect("aggregate nonce \(message)", session.aggregateNonces[message]) }
        figures.expect("C", session.contextHash.bytes)
    }

    private func expectSecondRound(_ session: ExampleSession, _ figures: inout Figures) throws {
        let complete = try session.message(
            0,
            .noncesComplete(
                NoncesComplete(leaves: session.leaves.map(\.bytes), aggregateNonces: session.aggregateNonces)))
        figures.expect("NONCES_COMPLETE", complete)
        figures.expect("frame of 0", try ExampleSession.frame(complete))
        let partials = try (0...2).map { try session.partialShare($0) }
        for signer in 0...2 { figures.expect("PARTIAL \(signer)", partials[signer]) }
        for signer in 1...2 { figures.expect("frame of \(signer)", try ExampleSession.frame(partials[signer])) }
        for message in 0...1 {
            figures.expect("final signature \(message)", session.signatures[message].rawRepresentation)
        }
        figures.expect("FINALIZED frame", try ExampleSession.frame([.signatureFinalized(session.finalized)]))
    }

    /// What is said when something is missing or does not fit.
    private func expectRepairs(_ session: ExampleSession, _ figures: inout Figures) throws {
        let signature = Sync.Wanted(.signatureFinalized)
        let complete = Sync.Wanted(.noncesComplete, indices: [0])
        let wanting = session.sync(1, wanted: [.init(.join, indices: [2]), complete, signature])
        figures.expect("SYNC of 1", wanting.encoded())
        figures.expect("its frame", try ExampleSession.frame([.sync(wanting)]))
        let comparing = session.sync(1, wanted: [signature], leaves: session.leaves)
        figures.expect("SYNC, leaves", comparing.encoded())
        figures.expect("its frame", try ExampleSession.frame([.sync(comparing)]))
        let restart = try session.message(2, attempt: 2, .restart(Restart(reason: .timeout, notHeard: [0])))
        figures.expect("RESTART", restart)
        figures.expect("its frame", try ExampleSession.frame(restart))
        let failed = Restart(reason: .failedAttempt, contextDiffers: [1, 2], newRuns: [1])
        let other = try session.message(0, attempt: 2, .restart(failed))
        figures.expect("RESTART of 0", other)
        figures.expect("its frame", try ExampleSession.frame(other))
        let abort = try session.message(
            1, attempt: 0, .abort(Abort(reason: .requested, stage: .beforePartial, text: "enough")))
        figures.expect("ABORT", abort)
        figures.expect("its frame", try ExampleSession.frame(abort))
        let decline = try session.message(2, attempt: 0, .decline(Decline(reason: "no time")))
        figures.expect("DECLINE", decline)
        figures.expect("its frame", try ExampleSession.frame(decline))
    }
}
