"""What holds for all tests."""

import signal
import threading

# A shell starts background jobs with Ctrl-C ignored, and so would be the programs that tests
# start and interrupt.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
