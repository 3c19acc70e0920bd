"""Reads the messages and enumerations of musig2.proto."""

import collections
import re

Field = collections.namedtuple("Field", "number name type repeated optional")

BLOCK = re.compile(r"^(message|enum) (\w+) \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^ +(repeated )?(\w+) (\w+) = (\d+);", re.MULTILINE)
VALUE = re.compile(r"^ +(\w+) = (\d+);", re.MULTILINE)
NUMBERS = {"bool": 1, "uint32": 2**32 - 1, "uint64": 2**64 - 1}


class Schema:
    """The fields of each message, ascending, and the names of each enumeration's numbers."""

    def __init__(self, text):
        text = re.sub(r"//.*", "", text)
        self.messages, self.enums = {}, {}
        for kind, name, body in BLOCK.findall(text):
            if kind == "enum":
                self.enums[name] = {int(number): value for value, number in VALUE.findall(body)}
            else:
                self.messages[name] = self._fields(body)

    @staticmethod
    def _fields(body):
        """The fields of a message; those of a oneof are optional, and known to be there even when empty."""
        optional = "oneof" in body
        fields = [Field(int(number), name, kind, bool(repeated), optional)
                  for repeated, kind, name, number in FIELD.findall(body)]
        return sorted(fields)

    def is_message(self, field):
        """Whether the field holds messages."""
        return field.type in self.messages

    def is_number(self, field):
        """Whether the field holds numbers, flags or values of an enumeration."""
        return field.type in NUMBERS or field.type in self.enums

    def allows(self, field, number):
        """Whether a number is in the range of its field."""
        return number in self.enums[field.type] if field.type in self.enums else number <= NUMBERS[field.type]

    def payload(self, number):
        """The message that a value of MessageType names."""
        return "".join(word.capitalize() for word in self.enums["MessageType"][number].split("_"))
