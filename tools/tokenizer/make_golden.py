#!/usr/bin/env python3
"""Write tests/meter/golden_tokens.inc: texts with the tokens that tiktoken gives them.

    pip install tiktoken==0.14.0 && make_golden.py --ranks DIR > tests/meter/golden_tokens.inc
"""
import argparse
import random

from compare import ALL, NAMES, NEIGHBOURS, RANGES, reference

WRITTEN = [
    "", "a", " ", "\n", "Hello, world!", "it's", "IT'S", "it'ſ", "'s", "'S's", "don'tcan'twe'll they'LL I'Ve you'RE 'x", "''s", "a'b'c",
    "camelCaseWord HTTPServer XMLHttpRequest iPhone McDonald", "ǅungla ǅ ǅǅ", "日A", "日AB c", "日本語のテキスト、漢字かな交じり文。", "A日B本C",
    "\u0301", "\u0301\u0301A", "\u0301AB", "\u0301's", "!\u0301a", " \u0301", "a\u0301b\u0301", "e\u0301A\u0301e", "1234567890 12 345 1,234,567.89",
    "٣٤٥٦٧ ⅷ½", "  two  spaces   three    four", " \n", "\n ", " \n \n x", "x\n  ", "x \n \t", "\t\tfoo\n\t\tbar", "\r\n\r\n", "a\r\nb\rc", "\u3000\u3000x",
    "\u00a0x \u00a0\u00a0", "\u2028\u2029 \u0085x", "end ", "end  ", "end\n", "end\n\n", "//\n/* x */\n", "a//\n//b", "!!!\n\n!", "--- \n", "http://a.b/c?d=e&f#g",
    "def f(x):\n    return x ** 2  # square\n", "for (int i = 0; i < n; ++i) {\n\t\tsum += a[i];\n}\n", '{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}',
    "😀😃👩‍👩‍👧‍👦🏳️‍🌈", "👍🏽 ok", "Привет, мир! Как дела?", "שלום עולם", "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก", "안녕하세요 세계", "Xin chào thế giới",
    "Straße ÄÖÜ äöü ñ ÿ", "İstanbul ıI", "<|endoftext|><|im_start|>user", "\x00\x01\x7f", "\ufeffbom", "a\u200bb", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "\U000e0100\U0010ffff\ue000",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "abababababababababab", "supercalifragilisticexpialidocious", "antidisestablishmentarianism", "zzzzyx qqqq xkcd",
    "dGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcw==", "0123456789abcdef" * 4, "=" * 70, " " * 100, "\n" * 40, " a" * 30, "ÿ" * 9, "的" * 20, "ACGTTGCAACGTAGCT" * 3,
]


def texts():
    yield from WRITTEN
    rng = random.Random(2)
    for _ in range(120):
        yield "".join(rng.choice(NEIGHBOURS) for _ in range(rng.randint(2, 12)))
    for low, high in RANGES:
        for _ in range(4):
            yield "".join(chr(rng.randrange(low, high)) if rng.random() < 0.9 else " " for _ in range(20))
    for _ in range(20):
        yield "".join(rng.choice(ALL) for _ in range(20))
    for alphabet in ["abcdefghijklmnopqrstuvwxyz", "etaoinshr", "0123456789abcdef", "бвгдеиностр", "的一是不了人我在有他"]:
        for size in (8, 25, 60):
            yield "".join(rng.choice(alphabet) for _ in range(size))


def quoted(text):
    return '"' + "".join(f"\\{byte:03o}" if byte < 32 or byte > 126 or byte in b'"\\?' else chr(byte) for byte in text.encode()) + '"'


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ranks", required=True)
    references = [reference(name, parser.parse_args().ranks) for name in NAMES]
    print("// Made by tools/tokenizer/make_golden.py with tiktoken 0.14.0: do not edit. Text, o200k_base, cl100k_base.")
    print("// clang-format off")
    for text in texts():
        lists = ["{" + ",".join(map(str, encoding.encode_ordinary(text))) + "}" for encoding in references]
        print(f"{{{{{quoted(text)}, {len(text.encode())}}}, {lists[0]}, {lists[1]}}},")
    print("// clang-format on")


if __name__ == "__main__":
    main()
