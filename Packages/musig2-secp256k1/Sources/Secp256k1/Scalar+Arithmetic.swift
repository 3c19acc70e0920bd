// Arithmetic modulo n = 2^256 - c, with c a number of 129 bits. Carries are taken from the upper half of 128-bit sums
// and choices made with masks, never with a branch: the code is constant-time although its data is public.

extension Scalar {
    // n, least significant limb first.
    private static let order0: UInt64 = 0xBFD2_5E8C_D036_4141
    private static let order1: UInt64 = 0xBAAE_DCE6_AF48_A03B
    private static let order2: UInt64 = 0xFFFF_FFFF_FFFF_FFFE
    private static let order3: UInt64 = 0xFFFF_FFFF_FFFF_FFFF

    // c = 2^256 - n; its third limb is 1.
    private static let complement0: UInt64 = 0x402D_A173_2FC9_BEBF
    private static let complement1: UInt64 = 0x4551_2319_50B7_5FC4

    /// The sum modulo n.
    public static func + (left: Scalar, right: Scalar) -> Scalar {
        var carry: UInt64 = 0
        let sum0 = add(left.limb0, right.limb0, &carry)
        let sum1 = add(left.limb1, right.limb1, &carry)
        let sum2 = add(left.limb2, right.limb2, &carry)
        let sum3 = add(left.limb3, right.limb3, &carry)
        return reduceOnce(sum0, sum1, sum2, sum3, carry: carry).value
    }

    /// The difference modulo n.
    public static func - (left: Scalar, right: Scalar) -> Scalar {
        left + right.negated
    }

    /// Adds modulo n.
    public static func += (left: inout Scalar, right: Scalar) {
        left = left + right
    }

    /// Subtracts modulo n.
    public static func -= (left: inout Scalar, right: Scalar) {
        left = left - right
    }

    /// Multiplies modulo n.
    public static func *= (left: inout Scalar, right: Scalar) {
        left = left * right
    }

    /// The number that gives 0 when added to this one.
    public static prefix func - (value: Scalar) -> Scalar {
        value.negated
    }

    /// The number that gives 0 when added to this one: n minus it, and 0 for 0.
    public var negated: Scalar {
        var borrow: UInt64 = 0
        let limb0 = Scalar.subtract(Scalar.order0, self.limb0, &borrow)
        let limb1 = Scalar.subtract(Scalar.order1, self.limb1, &borrow)
        let limb2 = Scalar.subtract(Scalar.order2, self.limb2, &borrow)
        let limb3 = Scalar.subtract(Scalar.order3, self.limb3, &borrow)
        // All ones unless the value is 0, in which case n itself must become 0.
        let any = self.limb0 | self.limb1 | self.limb2 | self.limb3
        let mask = 0 &- ((any | (0 &- any)) &>> 63)
        return Scalar(limb0: limb0 & mask, limb1 & mask, limb2 & mask, limb3 & mask)
    }

    /// The product modulo n.
    public static func * (left: Scalar, right: Scalar) -> Scalar {
        // The product of 512 bits, row by row.
        var carry: UInt64 = 0
        let p0 = multiplyAdd(0, left.limb0, right.limb0, &carry)
        var p1 = multiplyAdd(0, left.limb0, right.limb1, &carry)
        var p2 = multiplyAdd(0, left.limb0, right.limb2, &carry)
        var p3 = multiplyAdd(0, left.limb0, right.limb3, &carry)
        var p4 = carry

        carry = 0
        p1 = multiplyAdd(p1, left.limb1, right.limb0, &carry)
        p2 = multiplyAdd(p2, left.limb1, right.limb1, &carry)
        p3 = multiplyAdd(p3, left.limb1, right.limb2, &carry)
        p4 = multiplyAdd(p4, left.limb1, right.limb3, &carry)
        var p5 = carry

        carry = 0
        p2 = multiplyAdd(p2, left.limb2, right.limb0, &carry)
        p3 = multiplyAdd(p3, left.limb2, right.limb1, &carry)
        p4 = multiplyAdd(p4, left.limb2, right.limb2, &carry)
        p5 = multiplyAdd(p5, left.limb2, right.limb3, &carry)
        var p6 = carry

        carry = 0
        p3 = multiplyAdd(p3, left.limb3, right.limb0, &carry)
        p4 = multiplyAdd(p4, left.limb3, right.limb1, &carry)
        p5 = multiplyAdd(p5, left.limb3, right.limb2, &carry)
        p6 = multiplyAdd(p6, left.limb3, right.limb3, &carry)
        let p7 = carry

        return reduce(p0, p1, p2, p3, p4, p5, p6, p7)
    }

    /// A number of 512 bits modulo n: 2^256 is congruent to c, so the upper part times c is folded onto the lower part,
    /// three times (512 to 386, to 260, to 257 bits), then n is taken away once if needed.
    private static func reduce(
        _ p0: UInt64,
        _ p1: UInt64,
        _ p2: UInt64,
        _ p3: UInt64,
        _ p4: UInt64,
        _ p5: UInt64,
        _ p6: UInt64,
        _ p7: UInt64
    ) -> Scalar {
        // q = (p0…p3) + (p4…p7) * c, seven limbs.
        var carry: UInt64 = 0
        let q0 = multiplyAdd(p0, p4, complement0, &carry)
        var q1 = multiplyAdd(p1, p5, complement0, &carry)
        var q2 = multiplyAdd(p2, p6, complement0, &carry)
        var q3 = multiplyAdd(p3, p7, complement0, &carry)
        var q4 = carry

        carry = 0
        q1 = multiplyAdd(q1, p4, complement1, &carry)
        q2 = multiplyAdd(q2, p5, complement1, &carry)
        q3 = multiplyAdd(q3, p6, complement1, &carry)
        q4 = multiplyAdd(q4, p7, complement1, &carry)
        var q5 = carry

        carry = 0
        q2 = add(q2, p4, &carry)
        q3 = add(q3, p5, &carry)
        q4 = add(q4, p6, &carry)
        q5 = add(q5, p7, &carry)
        let q6 = carry

        // r = (q0…q3) + (q4…q6) * c, five limbs: q6 is at most 1 bit, so its products are sums under a mask.
        let mask = 0 &- q6
        carry = 0
        let r0 = multiplyAdd(q0, q4, complement0, &carry)
        var r1 = multiplyAdd(q1, q5, complement0, &carry)
        var r2 = add(q2, complement0 & mask, &carry)
        var r3 = add(q3, 0, &carry)
        var r4 = carry

        carry = 0
        r1 = multiplyAdd(r1, q4, complement1, &carry)
        r2 = multiplyAdd(r2, q5, complement1, &carry)
        r3 = add(r3, complement1 & mask, &carry)
        r4 = r4 &+ carry

        carry = 0
        r2 = add(r2, q4, &carry)
        r3 = add(r3, q5, &carry)
        r4 = r4 &+ q6 &+ carry

        // s = (r0…r3) + r4 * c, four limbs and a carry of at most 1: r4 is below 2^4.
        carry = 0
        let s0 = multiplyAdd(r0, r4, complement0, &carry)
        let s1 = multiplyAdd(r1, r4, complement1, &carry)
        let s2 = add(r2, r4, &carry)
        let s3 = add(r3, 0, &carry)
        return reduceOnce(s0, s1, s2, s3, carry: carry).value
    }

    /// A number below 2n, as four limbs and a carry, minus n if it is n or above.
    /// - Returns: The number below n, and 1 if n was taken away, else 0.
    @inline(__always)
    static func reduceOnce(
        _ limb0: UInt64,
        _ limb1: UInt64,
        _ limb2: UInt64,
        _ limb3: UInt64,
        carry: UInt64 = 0
    ) -> (value: Scalar, overflowed: UInt64) {
        // Adding c overflows 2^256 exactly when the number is n or above, and what is left is then the difference.
        var overflow: UInt64 = 0
        let less0 = add(limb0, complement0, &overflow)
        let less1 = add(limb1, complement1, &overflow)
        let less2 = add(limb2, 1, &overflow)
        let less3 = add(limb3, 0, &overflow)
        overflow |= carry
        let mask = 0 &- overflow
        let value = Scalar(
            limb0: (less0 & mask) | (limb0 & ~mask),
            (less1 & mask) | (limb1 & ~mask),
            (less2 & mask) | (limb2 & ~mask),
            (less3 & mask) | (limb3 & ~mask)
        )
        return (value, overflow)
    }

    /// `left + right + carry`; the upper half becomes the carry.
    @inline(__always)
    private static func add(_ left: UInt64, _ right: UInt64, _ carry: inout UInt64) -> UInt64 {
        let sum = UInt128(left) &+ UInt128(right) &+ UInt128(carry)
        carry = UInt64(truncatingIfNeeded: sum &>> 64)
        return UInt64(truncatingIfNeeded: sum)
    }

    /// `left - right - borrow`; the borrow becomes 1 or 0.
    @inline(__always)
    private static func subtract(_ left: UInt64, _ right: UInt64, _ borrow: inout UInt64) -> UInt64 {
        let difference = UInt128(left) &- UInt128(right) &- UInt128(borrow)
        borrow = UInt64(truncatingIfNeeded: difference &>> 64) & 1
        return UInt64(truncatingIfNeeded: difference)
    }

    /// `accumulator + left * right + carry`, which fits 128 bits; the upper half becomes the carry.
    @inline(__always)
    private static func multiplyAdd(
        _ accumulator: UInt64,
        _ left: UInt64,
        _ right: UInt64,
        _ carry: inout UInt64
    ) -> UInt64 {
        let sum = UInt128(left) &* UInt128(right) &+ UInt128(accumulator) &+ UInt128(carry)
        carry = UInt64(truncatingIfNeeded: sum &>> 64)
        return UInt64(truncatingIfNeeded: sum)
    }
}
