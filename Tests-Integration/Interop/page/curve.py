"""secp256k1 with affine points; None is the point at infinity. Slow, and not for secrets."""

P = 2**256 - 2**32 - 977
N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
G = (
    0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
)


def add(a, b):
    """The sum of two points."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if a[1] != b[1]:
            return None
        slope = 3 * a[0] * a[0] * pow(2 * a[1], -1, P) % P
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P) % P
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def multiply(point, scalar):
    """A multiple of a point."""
    result = None
    for bit in bin(scalar % N)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def negate(point):
    """The point of the same x on the other side."""
    return None if point is None else (point[0], P - point[1])


def is_even(point):
    """Whether y is even."""
    return point[1] % 2 == 0


def lift_x(x):
    """The point with this x and an even y."""
    square = (pow(x, 3, P) + 7) % P
    y = pow(square, (P + 1) // 4, P)
    if x >= P or y * y % P != square:
        raise ValueError("no point has this x")
    return x, y if y % 2 == 0 else P - y


def x_bytes(point):
    """The 32 bytes of x."""
    return point[0].to_bytes(32, "big")


def compress(point):
    """The 33 bytes of a point."""
    return bytes([2 if is_even(point) else 3]) + x_bytes(point)


def parse(data):
    """The point of 33 bytes."""
    if len(data) != 33 or data[0] not in (2, 3):
        raise ValueError("not a compressed point")
    point = lift_x(int.from_bytes(data[1:], "big"))
    return point if data[0] == 2 else negate(point)
