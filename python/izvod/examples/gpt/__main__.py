import sys

from .cli import main

# Lines come as they are written, also into a pipe; a terminal that lacks a character shows "?".
sys.stdout.reconfigure(line_buffering=True, errors="replace")
sys.exit(main())
