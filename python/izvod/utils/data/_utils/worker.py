"""What runs in a worker process of a DataLoader; Note [Workers] in pool.py tells the whole."""

import os
import pickle
import sys
from collections import namedtuple

from izvod import _C
from izvod._C import default_generator

WorkerInfo = namedtuple("WorkerInfo", "id num_workers seed dataset")
_info = None

FETCH, RESUME, STOP = range(3)  # what a worker is told
BATCH, END, RESUMED, ERROR = range(4)  # what it answers
PARENT_CHECK_SECONDS = 5


def get_worker_info():
    """In a DataLoader's worker process its `id`, `num_workers`, `seed` and copy of the `dataset`;
    None in the main process.
    """
    return _info


def work(pipe, new_fetcher, worker_id, num_workers, base_seed, init_fn):
    """The life of a worker: `new_fetcher` is a partial whose first argument is the dataset."""
    global _info
    _C.set_num_threads(1)
    _seed_all(base_seed, worker_id)
    _info = WorkerInfo(worker_id, num_workers, base_seed + worker_id, new_fetcher.args[0])
    orders = _orders(pipe)
    try:
        fetch = _started(new_fetcher, init_fn, worker_id)
        while True:
            order, indices = orders.get()
            if order == STOP:
                return
            if order == RESUME:
                fetch, answer = _started(new_fetcher, None, worker_id), (RESUMED, None)
            else:
                answer = _answer(fetch, indices)
            pipe.send_bytes(_pickled(answer))
    except (KeyboardInterrupt, OSError):
        pass  # the main process was interrupted as well, or is gone


def _seed_all(base_seed, worker_id):
    """Seeds izvod, `random` and, if it is there, numpy as a worker of torch does."""
    import random

    random.seed(base_seed + worker_id)
    default_generator.manual_seed(base_seed + worker_id)
    if "numpy" in sys.modules:
        import numpy

        words = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
        numpy.random.seed(numpy.random.SeedSequence(words).generate_state(4))


def _started(new_fetcher, init_fn, worker_id):
    """The fetcher, or a function that raises what went wrong, when the first batch is asked for."""
    try:
        if init_fn is not None:
            init_fn(worker_id)
        return new_fetcher()
    except Exception as error:
        failure = error

    def fail(_):
        raise failure

    return fail


def _answer(fetch, indices):
    try:
        return BATCH, fetch(indices)
    except StopIteration:
        return END, None
    except Exception as error:
        return ERROR, _described(error)


def _pickled(answer):
    from multiprocessing.reduction import ForkingPickler

    try:
        return ForkingPickler.dumps(answer)
    except Exception as error:
        return ForkingPickler.dumps((ERROR, _described(error)))


def _described(error):
    """Class and traceback: the error itself might not be one that can be pickled."""
    import traceback

    kind = type(error)
    try:
        pickle.dumps(kind)
    except Exception:
        kind = RuntimeError
    return kind, type(error).__name__, "".join(traceback.format_exception(error))


def _orders(pipe):
    """A queue of what the main process says. A thread fills it, so that the main process never
    waits for a worker that waits for the main process.
    """
    import queue
    import threading

    orders, parent = queue.SimpleQueue(), os.getppid()

    def listen():
        order = None
        while order != STOP:
            try:
                while not pipe.poll(PARENT_CHECK_SECONDS):
                    if os.getppid() != parent:
                        raise EOFError
                message = pipe.recv()
            except (EOFError, OSError):
                message = STOP, None
            order = message[0]
            while order == STOP and not orders.empty():
                orders.get()  # no longer wanted
            orders.put(message)

    threading.Thread(target=listen, daemon=True).start()
    return orders
