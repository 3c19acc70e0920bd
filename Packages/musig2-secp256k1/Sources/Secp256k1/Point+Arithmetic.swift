import CSecp256k1

// Everything here runs in variable time: for public points and public scalars only.

extension Point {
    /// The sum of any number of points in one library call, which pays one field inversion for all of them.
    /// - Returns: Infinity for no points, and when they cancel.
    public static func sum(of keys: some Collection<PublicKey>) -> Point {
        self.sum(of: keys, EmptyCollection())
    }

    /// The sum of any number of points, some of which may be infinity.
    public static func sum(of points: some Collection<Point>) -> Point {
        self.sum(of: points.compactMap(\.publicKey), EmptyCollection())
    }

    /// The sum of both collections.
    static func sum(of first: some Collection<PublicKey>, _ second: some Collection<PublicKey>) -> Point {
        let count = first.count + second.count
        guard count > 0 else { return .infinity }
        return withUnsafeTemporaryAllocation(of: secp256k1_pubkey.self, capacity: count) { storages in
            withUnsafeTemporaryAllocation(of: UnsafePointer<secp256k1_pubkey>?.self, capacity: count) { pointers in
                guard let base = storages.baseAddress, let pointersBase = pointers.baseAddress else { return .infinity }
                var filled = 0
                func append(_ key: PublicKey) {
                    // A collection that yields more than it counted is not followed out of bounds.
                    guard filled < count else { return }
                    storages.initializeElement(at: filled, to: key.storage)
                    pointers.initializeElement(at: filled, to: UnsafePointer(base + filled))
                    filled += 1
                }
                for key in first { append(key) }
                for key in second { append(key) }
                var sum = secp256k1_pubkey()
                // Returns 0 for a sum at infinity, and for nothing else once the points are parsed.
                let finite = secp256k1_ec_pubkey_combine(Context.shared.pointer, &sum, pointersBase, filled)
                return finite == 1 ? .point(PublicKey(sum)) : .infinity
            }
        }
    }

    /// The sum of two points.
    public static func + (left: Point, right: Point) -> Point {
        switch (left, right) {
        case (.infinity, let other), (let other, .infinity): other
        case (.point(let left), .point(let right)): left + right
        }
    }

    /// The point that gives infinity when added to this one.
    public var negated: Point {
        switch self {
        case .infinity: .infinity
        case .point(let key): .point(key.negated)
        }
    }

    /// This point times a public scalar. Variable time: never for secrets.
    public func multiplied(by factor: Scalar) -> Point {
        switch self {
        case .infinity: .infinity
        case .point(let key): key.multiplied(by: factor)
        }
    }

    /// This point plus a public multiple of the generator. Variable time: never for secrets.
    public func addingGenerator(times factor: Scalar) -> Point {
        switch self {
        case .infinity: Point.generator(times: factor)
        case .point(let key): key.addingGenerator(times: factor)
        }
    }

    /// A public multiple of the generator.
    public static func generator(times factor: Scalar) -> Point {
        var storage = secp256k1_pubkey()
        let created = factor.withUnsafeBytes { bytes in
            bytes.withUInt8Pointer { secp256k1_ec_pubkey_create(Context.shared.pointer, &storage, $0) }
        }
        // The library refuses 0 alone: a Scalar is always below n.
        return created == 1 ? .point(PublicKey(storage)) : .infinity
    }
}
