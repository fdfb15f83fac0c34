"""Reads a state or a saved result by docs/format.md alone. Usage: read_container.py FILE... prints what is in them."""
import json
import struct
import sys
import zlib

TYPES = {1: ("B", 1), 3: ("q", 8), 4: ("d", 8)}


def read_packed(data):
    """The sections of a packed result, by their tags: the last one of each."""
    sections, at = {}, 32
    while at < len(data):
        tag, code, count = struct.unpack_from("<4sIQ", data, at)
        letter, width = TYPES[code]
        sections[tag.decode()] = struct.unpack_from(f"<{count}{letter}", data, at + 16)
        at += 16 + (count * width + 7) // 8 * 8
    return sections


def read(data):
    """The table, and the packed results as bytes."""
    magic, version, checksum, size, table = struct.unpack_from("<8sIIQQ", data)
    assert magic == b"\x89QKVRUN\n" and version == 1 and size == len(data)
    assert checksum == zlib.crc32(data[16:32 + table], zlib.crc32(data[:12]))
    results, at = [], 32 + table
    while at < size:
        (length,) = struct.unpack_from("<Q", data, at + 16)
        results.append(data[at:at + length])
        at += length
    return json.loads(data[32:32 + table]), results


def write(table, results):
    """The bytes of a file of these."""
    text = json.dumps(table).encode()
    text += b"\n" * (-len(text) % 8)
    head = b"\x89QKVRUN\n" + struct.pack("<I", 1)
    tail = struct.pack("<QQ", 32 + len(text) + sum(map(len, results)), len(text)) + text
    return head + struct.pack("<I", zlib.crc32(tail, zlib.crc32(head))) + tail + b"".join(results)


if __name__ == "__main__":
    for path in sys.argv[1:]:
        with open(path, "rb") as file:
            contents, packed = read(file.read())
        print(json.dumps(contents, indent=1))
        for one in packed:
            print({tag: len(numbers) for tag, numbers in read_packed(one).items()})
