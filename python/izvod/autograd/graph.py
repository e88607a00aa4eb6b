"""The graph itself: its nodes, and hooks on the tensors it keeps."""

from izvod import _C

Node = _C.Node


class saved_tensors_hooks:  # noqa: N801  (torch's name)
    """Inside, tensors that are saved for backward go through ``pack_hook(tensor)``; what that
    returns is kept instead, and ``unpack_hook`` makes a tensor of it when backward needs it.
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self):
        _C._push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *error):
        _C._pop_saved_hooks()


class save_on_cpu(saved_tensors_hooks):  # noqa: N801
    """Copies saved tensors to the CPU; here they are there already and are kept as they are."""

    def __init__(self, pin_memory=False, device_type="cuda"):
        super().__init__(lambda tensor: tensor, lambda tensor: tensor)
