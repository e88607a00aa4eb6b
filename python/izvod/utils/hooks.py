"""The handle that every `register_..._hook` returns."""

import weakref
from collections import OrderedDict


class RemovableHandle:
    """Takes its hook away again: `handle.remove()`, or at the end of `with handle:`.

    The tables are held weakly, so a forgotten handle keeps no module alive. Hooks run in the order
    of their table; `extra_dict` (one dict or a list of them) holds what else was noted under the
    id.
    """

    next_id = 0

    def __init__(self, hooks_dict, *, extra_dict=None):
        extra = [] if extra_dict is None else extra_dict
        self._refer([hooks_dict, *(extra if isinstance(extra, (list, tuple)) else [extra])])
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1

    def _refer(self, tables):
        self._tables = [weakref.ref(table) for table in tables]

    def remove(self):
        for table in self._tables:
            hooks = table()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.remove()

    def __getstate__(self):
        return [table() for table in self._tables], self.id

    def __setstate__(self, state):
        tables, self.id = state
        self._refer([OrderedDict() if table is None else table for table in tables])
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)


def register(table, hook, *, prepend=False, extra_dict=None):
    """Puts `hook` at the end (or, with prepend, at the start) of `table`, an OrderedDict; returns
    its handle.
    """
    handle = RemovableHandle(table, extra_dict=extra_dict)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle
