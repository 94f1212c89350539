"""What a program of this folder prints: how a page gets its tables from the code."""

import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]


def printed_by(name):
    """Compiles tests/docs/NAME.cpp and runs it; None where there is no compiler."""
    compiler = shutil.which("clang++-19") or shutil.which("clang++") or shutil.which("g++")
    if not compiler:
        return None
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / name
        source = ROOT / "tests/docs" / f"{name}.cpp"
        subprocess.run([compiler, "-std=c++20", "-I", ROOT / "include", source, "-o", program], check=True)
        return subprocess.run([program], check=True, capture_output=True, text=True).stdout
