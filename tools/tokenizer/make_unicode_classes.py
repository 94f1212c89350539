#!/usr/bin/env python3
"""Write include/lowart/meter/unicode_tables.hpp: which letters, marks, numbers and spaces the tokenizer regexes see.

    pip install tiktoken==0.14.0 && make_unicode_classes.py > include/lowart/meter/unicode_tables.hpp

The classes are asked from the reference itself, code point by code point: a tiktoken Encoding whose pattern is
one class keeps just the members of that class. tiktoken 0.14.0 answers as Unicode 16.0 does (1858 Lu, 2258 Ll,
31 Lt, 404 Lm, 136477 Lo, 2501 M, 1911 N, 25 White_Space); a later reference may have later tables.
"""
import tiktoken

CLASSES = [r"[\p{Lu}\p{Lt}]", r"\p{Ll}", r"[\p{Lm}\p{Lo}]", r"\p{M}", r"\p{N}", r"[^\S\r\n]", r"[\r\n]"]
BLOCK = 128


def members(pattern):
    bytes_only = {bytes([b]): b for b in range(256)}
    encoding = tiktoken.Encoding("probe", pat_str=pattern, mergeable_ranks=bytes_only, special_tokens={})
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    for at in range(0, len(every), 8192):
        yield from bytes(encoding.encode_ordinary("".join(every[at : at + 8192]))).decode()


def rows(numbers, per_row, form):
    for at in range(0, len(numbers), per_row):
        yield "    " + ", ".join(form % n for n in numbers[at : at + per_row]) + ","


def main():
    class_of = bytearray(0x110000)
    for number, pattern in enumerate(CLASSES, 1):
        for char in members(pattern):
            assert class_of[ord(char)] == 0
            class_of[ord(char)] = number
    packed = bytes(class_of[i] | class_of[i + 1] << 4 for i in range(0, len(class_of), 2))
    width = BLOCK // 2
    blocks, index = {}, []
    for at in range(0, len(packed), width):
        index.append(blocks.setdefault(packed[at : at + width], len(blocks)))
    while index[-1] == 0 or index[-1] == index[-2]:
        assert blocks[bytes(width)] == index[-1]  # the end of the code space has class 0
        index.pop()
    assert len(blocks) < 256
    cells = [byte for block in blocks for byte in block]
    print("#pragma once")
    print("/// Two-stage table of character classes, Unicode 16.0. Made by tools/tokenizer/make_unicode_classes.py: do")
    print("/// not edit. Blocks of 128 code points, two per byte, the lower one in the low half.")
    print()
    print("#include <cstdint>")
    print()
    print("namespace lowart::unicode {")
    print()
    print("// clang-format off")
    print(f"inline constexpr std::uint8_t class_index[{len(index)}] = {{")
    print("\n".join(rows(index, 25, "%d")))
    print("};")
    print(f"inline constexpr std::uint8_t class_blocks[{len(cells)}] = {{")
    print("\n".join(rows(cells, 25, "%d")))
    print("};")
    print("// clang-format on")
    print()
    print("}  // namespace lowart::unicode")


if __name__ == "__main__":
    main()
