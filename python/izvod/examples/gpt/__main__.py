import sys

from .cli import main

sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character shows "?"
sys.exit(main())
