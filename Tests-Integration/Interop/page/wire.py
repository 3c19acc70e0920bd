"""The one encoding of each message, written by the table "One encoding" of the page."""


class Refused(ValueError):
    """These bytes are not the encoding of anything."""


def write_varint(number):
    """The minimal varint."""
    data = bytearray()
    while number > 0x7F:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(data + bytes([number]))


def read_varint(data, position):
    """The number that begins at a position, and the position behind it."""
    number = 0
    for count in range(10):
        if position + count >= len(data):
            raise Refused("the bytes end in a number")
        byte = data[position + count]
        number |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            if number >= 2**64 or (byte == 0 and count > 0):
                raise Refused("the number is too large or not minimal")
            return number, position + count + 1
    raise Refused("the number is too long")


def with_length(data):
    """Bytes with their length in front."""
    return write_varint(len(data)) + data


def read_with_length(data, position):
    """The bytes whose length begins at a position, and the position behind them."""
    length, position = read_varint(data, position)
    if position + length > len(data):
        raise Refused("the bytes end too early")
    return data[position:position + length], position + length


def encode(schema, name, values):
    """The bytes of a message, from a dictionary by the names of its fields."""
    fields = schema.messages[name]
    unknown = set(values) - {field.name for field in fields}
    if unknown:
        raise KeyError("%s has no %s" % (name, sorted(unknown)))
    return b"".join(_encode_field(schema, field, values.get(field.name)) for field in fields)


def _encode_field(schema, field, value):
    """A field with its tag, or nothing."""
    number = schema.is_number(field)
    if field.repeated and number:
        return _entry(field, b"".join(map(write_varint, value))) if value else b""
    if field.repeated:
        return b"".join(_entry(field, _content(schema, field, entry)) for entry in value or [])
    if number:
        return write_varint(field.number << 3) + write_varint(value) if value else b""
    is_written = value is not None if schema.is_message(field) or field.optional else value
    return _entry(field, _content(schema, field, value)) if is_written else b""


def _entry(field, data):
    """Bytes behind the tag of their field and their length."""
    return write_varint(field.number << 3 | 2) + with_length(data)


def _content(schema, field, value):
    """The bytes of a text, a byte string or a message."""
    if schema.is_message(field):
        return encode(schema, field.type, value)
    return value.encode("utf-8") if field.type == "string" else value


def decode(schema, name, data):
    """A dictionary with every field of a message; refuses whatever is encoded again in other bytes."""
    values = {field.name: _absent(schema, field) for field in schema.messages[name]}
    fields = {field.number: field for field in schema.messages[name]}
    position = 0
    while position < len(data):
        tag, position = read_varint(data, position)
        if tag >> 3 not in fields:
            raise Refused("an unknown field")
        position = _decode_field(schema, fields[tag >> 3], tag & 7, data, position, values)
    if encode(schema, name, values) != data:
        raise Refused("another encoding")
    return values


def _absent(schema, field):
    """What a field holds that is not written."""
    if field.repeated:
        return []
    if schema.is_message(field) or field.optional:
        return None
    return 0 if schema.is_number(field) else "" if field.type == "string" else b""


def _decode_field(schema, field, kind, data, position, values):
    """Reads what stands behind a tag into the values, and returns the position behind it."""
    number = schema.is_number(field)
    if kind != (0 if number and not field.repeated else 2):
        raise Refused("the tag's type is not that of the field")
    if kind == 0:
        value, position = read_varint(data, position)
        values[field.name] = _checked(schema, field, value)
        return position
    content, position = read_with_length(data, position)
    if number:
        values[field.name] += _packed(schema, field, content)
    elif field.repeated:
        values[field.name].append(_value(schema, field, content))
    else:
        values[field.name] = _value(schema, field, content)
    return position


def _packed(schema, field, content):
    """Numbers one behind the other."""
    numbers, position = [], 0
    while position < len(content):
        number, position = read_varint(content, position)
        numbers.append(_checked(schema, field, number))
    return numbers


def _checked(schema, field, number):
    """A number, if it is in range."""
    if not schema.allows(field, number):
        raise Refused("a number out of range")
    return number


def _value(schema, field, content):
    """A text, a byte string or a message."""
    if schema.is_message(field):
        return decode(schema, field.type, content)
    if field.type != "string":
        return content
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused("a text that is not UTF-8")


def write_frame(schema, items):
    """A frame as it stands on the stream, of items that are each a name and a value."""
    return with_length(encode(schema, "Frame", {"items": [{name: value} for name, value in items]}))


def read_frame(schema, data):
    """The items of exactly one frame as it stands on the stream, each a name and a value."""
    content, end = read_with_length(data, 0)
    if end != len(data) or not 1 <= len(content) <= 2**20:
        raise Refused("not one frame")
    items = [_item(item) for item in decode(schema, "Frame", content)["items"]]
    if not 1 <= len(items) <= 4096:
        raise Refused("the number of items")
    return items


def _item(item):
    """The one thing that an item holds."""
    present = [(name, value) for name, value in item.items() if value is not None]
    if len(present) != 1:
        raise Refused("an item holds one thing")
    return present[0]
