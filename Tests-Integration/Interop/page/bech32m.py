"""The text form of BIP-350, without the limit of 90 characters."""

ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
CONSTANT = 0x2BC830A3


def encode(prefix, data):
    """The text of a prefix and bytes."""
    words = _regroup(data, 8, 5, pad=True)
    check = _polymod(_expanded(prefix) + words + [0] * 6) ^ CONSTANT
    return prefix + "1" + "".join(ALPHABET[word] for word in words + [check >> 5 * (5 - i) & 31 for i in range(6)])


def decode(text):
    """The prefix and the bytes of a text in lower case."""
    prefix, _, rest = text.rpartition("1")
    words = [ALPHABET.index(character) for character in rest]
    if not prefix or len(words) < 6 or _polymod(_expanded(prefix) + words) != CONSTANT:
        raise ValueError("no text of bech32m")
    return prefix, bytes(_regroup(words[:-6], 5, 8, pad=False))


def _expanded(prefix):
    codes = [ord(character) for character in prefix]
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _polymod(words):
    check = 1
    for word in words:
        top, check = check >> 25, (check & 0x1FFFFFF) << 5 ^ word
        for i, generator in enumerate([0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3]):
            if top >> i & 1:
                check ^= generator
    return check


def _regroup(words, width, other, pad):
    """The same bits in words of another width; bits left over are zero."""
    bits, count, result = 0, 0, []
    for word in words:
        bits, count = bits << width | word, count + width
        while count >= other:
            count -= other
            result.append(bits >> count & (1 << other) - 1)
    rest = bits & (1 << count) - 1
    if pad and count:
        result.append(rest << other - count)
    elif not pad and (count >= width or rest):
        raise ValueError("bits are left over")
    return result
