"""The records in a usage database: what include/lowart/store/record_codec.hpp writes, read here on its own."""

import sqlite3
import struct

TOKENS = ["input", "cache_read", "cache_write", "output", "reasoning", "input_audio", "output_audio", "input_image"]
NAMES = ["key", "model", "provider", "upstream_model", "operation"]
EXTENSION_NAMES = ["user", "team", "client", "conversation", "service_tier", "price"]


class Reader:
    def __init__(self, data):
        self.data = data
        self.at = 0

    def unpack(self, layout):
        values = struct.unpack_from(layout, self.data, self.at)
        self.at += struct.calcsize(layout)
        return values

    def varint(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def signed(self):
        value = self.varint()
        return (value >> 1) ^ -(value & 1)

    def name(self):
        length = self.data[self.at]
        self.at += 1 + length
        return self.data[self.at - length : self.at].decode()

    def record(self):
        high, low, started_at, flags, present = self.unpack("<QQqBB")
        record = {"id": high.to_bytes(8, "big") + low.to_bytes(8, "big"), "started_at": started_at}
        record["duration"] = self.signed()
        first = self.signed()
        record["time_to_first_token"] = None if first < 0 else first
        for field in ["cost", "attempts", "status"]:
            record[field] = self.signed()
        for i, tokens in enumerate(TOKENS):
            record[tokens] = self.varint() if present >> i & 1 else None
        for name in NAMES:
            record[name] = self.name()
        record["outcome"] = flags & 3
        record["provenance"] = (flags >> 2 & 3) | (flags >> 5 & 1) << 2
        record["streamed"] = flags >> 4 & 1
        for name in EXTENSION_NAMES:
            record[name] = ""
        if flags >> 6 & 1:
            self.extension(record)
        return record

    def extension(self, record):
        (length,) = self.unpack("<H")
        end = self.at + length
        for name in EXTENSION_NAMES:
            record[name] = self.name()
        record["features"] = self.varint()
        self.at = end  # Further classes of usage and the trail are not read here.


def usage_records(path):
    """Every record in the database at `path` as a dict, by start."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5) as database:
        rows = database.execute("SELECT count, records FROM usage_batch").fetchall()
    found = []
    for count, records in rows:
        reader = Reader(records)
        found += [reader.record() for _ in range(count)]
        assert reader.at == len(records), "bytes behind the last record of a row"
    return sorted(found, key=lambda record: (record["started_at"], record["id"]))
