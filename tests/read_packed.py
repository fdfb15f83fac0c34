"""Reads a packed result by docs/format.md alone. Usage: read_packed.py DIRECTORY prints what is in each
of its files."""
import pathlib
import struct
import sys
import zlib

KINDS = [None, "layout", "analysis", "accumulator", "baseline", "comparison", "intervals"]
TYPES = {1: ("B", 1), 3: ("q", 8), 4: ("d", 8)}


def read(data):
    """The kind, and a list of (tag, numbers) in the order of the file."""
    magic, version, kind, size, checksum, zero = struct.unpack_from("<8sIIQII", data)
    assert magic == b"\x89QKVSIM\n" and version == 2 and size == len(data) and zero == 0
    assert checksum == zlib.crc32(data[28:], zlib.crc32(data[:24]))
    sections, at = [], 32
    while at < size:
        tag, code, count = struct.unpack_from("<4sIQ", data, at)
        letter, width = TYPES[code]
        sections.append((tag.decode(), struct.unpack_from(f"<{count}{letter}", data, at + 16)))
        at += 16 + (count * width + 7) // 8 * 8
    return KINDS[kind], sections


files = sorted(pathlib.Path(sys.argv[1]).glob("*.qkv"))
assert files
for path in files:
    kind, sections = read(path.read_bytes())
    print(path, kind)
    for tag, numbers in sections:
        names = bytes(numbers).decode().split("\0")[:-1] if tag in ("GRPN", "ROLN") else numbers
        print(" ", tag, len(numbers), *names[:6])
