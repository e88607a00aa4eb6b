"""What holds for all tests."""

import importlib.util
import os
import signal
import threading
from pathlib import Path

# A shell starts background jobs with Ctrl-C ignored, and so would be the programs that tests
# start and interrupt.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)

# An izvod that runs from its build folder has no OpenBLAS beside it.
_izvod, _blas = map(importlib.util.find_spec, ("izvod", "scipy_openblas32"))
if _izvod and _blas and not Path(_izvod.origin).parents[1].joinpath("scipy_openblas32").exists():
    library = Path(_blas.origin).parent / "lib" / "libscipy_openblas.so"
    os.environ.setdefault("IZVOD_OPENBLAS", str(library))
