"""The worker processes of a DataLoader, seen from the main process.

Note [Workers]. Each worker has a pipe. The indices of batch after batch, drawn in the main process,
go to the workers in turn, `prefetch_factor` each ahead of what is asked for, and each worker
answers in the order in which it was told. So reading the pipes in the order of the orders gives the
batches in the sampler's order, and the same ones however fast a worker is. A stream is iterated by
every worker; one that has come to its end gets no more orders.
"""

import itertools
import multiprocessing
import os
import warnings
import weakref
from collections import deque

from izvod.utils.data._utils.worker import BATCH, END, FETCH, RESUME, RESUMED, STOP, work

PATIENCE_SECONDS = 5  # with a worker that was told to stop


def context_of(value):
    """The multiprocessing context that a DataLoader's option names. ValueError, TypeError."""
    if isinstance(value, str):
        methods = multiprocessing.get_all_start_methods()
        if value not in methods:
            raise ValueError(
                "multiprocessing_context option should specify a valid start method in "
                f"{methods!r}, but got multiprocessing_context={value!r}"
            )
        return multiprocessing.get_context(value)
    if value is not None and not isinstance(value, multiprocessing.context.BaseContext):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={value}"
        )
    return value or multiprocessing


def warn_of_too_many(count):
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if cpus is not None and count > cpus:
        warnings.warn(
            f"This DataLoader will create {count} worker processes in total. Our suggested max "
            f"number of worker in current system is {cpus}: more are likely to be slower.",
            stacklevel=4,
        )


class Pool:
    """`num_workers` processes that fetch; one pass after the other, each begun by `start`.

    `timeout` in seconds bounds each wait for a batch, 0 is for ever.
    """

    def __init__(self, context, new_fetcher, num_workers, base_seed, init_fn, timeout):
        self.timeout = timeout
        self.pipes, self.processes = [], []
        self.orders = deque()  # the workers that owe an answer, in the order of the batches
        self.close = weakref.finalize(self, _stop, self.pipes, self.processes, os.getpid())
        for i in range(num_workers):
            ours, theirs = context.Pipe()
            process = context.Process(
                target=work,
                args=(theirs, new_fetcher, i, num_workers, base_seed, init_fn),
                daemon=True,
            )
            process.start()
            theirs.close()  # so that the pipe ends when the worker does
            self.pipes.append(ours)
            self.processes.append(process)

    def resume(self):
        """Ends the pass, whatever is still owed, and begins another."""
        self.orders.clear()
        for pipe in self.pipes:
            pipe.send((RESUME, None))
        for i in range(len(self.pipes)):
            while self._receive(i)[0] != RESUMED:
                pass

    def start(self, indices, prefetch_factor):
        """Orders the first batches of an iterator of indices."""
        self.indices = indices
        self.ended = set()
        self.turns = itertools.cycle(range(len(self.pipes)))
        for _ in range(prefetch_factor * len(self.pipes)):
            self._order()

    def _order(self):
        turn = itertools.islice(self.turns, len(self.pipes))
        worker = next((i for i in turn if i not in self.ended), None)
        if worker is None:
            return
        try:
            indices = next(self.indices)
        except StopIteration:
            return
        self._send(worker, (FETCH, indices))
        self.orders.append(worker)

    def next_batch(self):
        """The next batch. Raises StopIteration, what the worker raised, or RuntimeError if the
        worker is dead or slower than the timeout.
        """
        while self.orders:
            worker = self.orders.popleft()
            if worker in self.ended:
                self._receive(worker)  # it says once more that it has ended
                continue
            kind, answer = self._receive(worker)
            if kind == END:
                self.ended.add(worker)
            self._order()
            if kind == BATCH:
                return answer
            if kind != END:
                raise _error(worker, *answer)
        raise StopIteration

    def _send(self, worker, message):
        try:
            self.pipes[worker].send(message)
        except OSError:
            self._lost(worker)

    def _receive(self, worker):
        pipe = self.pipes[worker]
        if self.timeout and not pipe.poll(self.timeout):
            raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")
        try:
            return pipe.recv()
        except (EOFError, OSError):
            self._lost(worker)

    def _lost(self, worker):
        process = self.processes[worker]
        process.join(PATIENCE_SECONDS)
        raise RuntimeError(
            f"DataLoader worker (pid(s) {process.pid}) exited unexpectedly: "
            f"exit code {process.exitcode}"
        ) from None


def _error(worker, kind, name, text):
    """The error of a worker, in its own class if that takes a text."""
    text = f"Caught {name} in DataLoader worker process {worker}.\nOriginal {text}"
    try:
        return kind(text)
    except Exception:
        return RuntimeError(text)


def _stop(pipes, processes, owner):
    if os.getpid() != owner:
        return  # a copy, in a worker
    for pipe in pipes:
        try:
            pipe.send((STOP, None))
        except OSError:
            pass
    for pipe, process in zip(pipes, processes, strict=True):
        try:
            while pipe.poll(PATIENCE_SECONDS):
                pipe.recv_bytes()  # a worker that waits to be heard cannot stop
        except (EOFError, OSError):
            pass
        if process.is_alive():
            process.join(PATIENCE_SECONDS)
            process.terminate()
        process.join()
        pipe.close()
