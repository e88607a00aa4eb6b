"""Stochastic gradient descent."""

import izvod
from izvod import _C
from izvod._C import Tensor
from izvod.optim.optimizer import Optimizer, check_implementation, number, with_grads


class SGD(Optimizer):
    """p -= lr * d, where d is the gradient g (with weight decay: g + weight_decay * p), or with
    momentum

        b = momentum * b + (1 - dampening) * g      (b = g in the first step)
        d = b, or with nesterov  g + momentum * b

    `maximize` takes -g. The step is one call of a kernel over all parameters of a group; foreach
    and fused, which choose among torch's implementations, change nothing. Source: Sutskever et al.,
    "On the importance of initialization and momentum in deep learning", 2013.
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        foreach=None,
        differentiable=False,
        fused=None,
    ):
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        check_implementation(foreach, fused, differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "momentum": momentum,
                "dampening": dampening,
                "weight_decay": weight_decay,
                "nesterov": nesterov,
                "maximize": maximize,
                "foreach": foreach,
                "differentiable": differentiable,
                "fused": fused,
            },
        )

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("nesterov", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("differentiable", False)
            group.setdefault("fused", False)

    def step(self, closure=None):
        """One step for the parameters that have a gradient; returns what `closure` does."""
        loss = None
        if closure is not None:
            with izvod.enable_grad():
                loss = closure()
        for group in self.param_groups:
            params, grads = with_grads(group["params"])
            if grads:
                self._step_group(group, params, grads)
        return loss

    def _step_group(self, group, params, grads):
        momentum = group["momentum"]
        states = [self.state[p] for p in params] if momentum != 0 else None
        old = [state.get("momentum_buffer") for state in states] if states else None
        new = _C._sgd_step(
            params,
            grads,
            old,
            number(group["lr"]),
            momentum,
            group["dampening"],
            number(group["weight_decay"]),
            group["nesterov"],
            group["maximize"],
        )
        if states:
            for state, buffer in zip(states, new, strict=True):
                state["momentum_buffer"] = buffer
