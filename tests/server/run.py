"""Imports every *_test.py beside it, runs their cases, and ends with `N passed, N failed`."""

import importlib
import sys
from pathlib import Path

here = Path(__file__).resolve().parent
sys.path.insert(0, str(here))

from kit import cases, gateway  # noqa: E402

for file in sorted(here.glob("*_test.py")):
    importlib.import_module(file.stem)
try:
    code = cases.run_all(sys.argv[1] if len(sys.argv) > 1 else "")
finally:
    gateway.end_all()
sys.exit(code)
