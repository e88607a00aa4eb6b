"""Adam and AdamW."""

import izvod
from izvod import _C
from izvod._C import Tensor
from izvod.optim.optimizer import Optimizer, check_implementation, number, with_grads


class Adam(Optimizer):
    """p -= lr * m' / (sqrt(v') + eps), with running means of the gradient g and its square

        m = beta1 * m + (1 - beta1) * g        m' = m / (1 - beta1^t)
        v = beta2 * v + (1 - beta2) * g * g    v' = v / (1 - beta2^t)

    Weight decay adds weight_decay * p to g; if decoupled, p *= 1 - lr * weight_decay instead.
    `amsgrad` takes the largest v so far; `maximize` takes -g. The step is one call of a kernel over
    all parameters of a group; foreach and fused, which choose among torch's implementations, change
    nothing. Sources: Kingma, Ba, "Adam: A method for stochastic optimization", 2014; amsgrad:
    Reddi, Kale, Kumar, "On the convergence of Adam and beyond", 2018.
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        amsgrad=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
        fused=None,
        decoupled_weight_decay=False,
    ):
        _check_settings(lr, betas, eps, weight_decay, foreach and not capturable)
        check_implementation(foreach, fused, differentiable)
        super().__init__(
            params,
            {
                "lr": lr,
                "betas": tuple(betas),
                "eps": eps,
                "weight_decay": weight_decay,
                "amsgrad": amsgrad,
                "maximize": maximize,
                "foreach": foreach,
                "capturable": capturable,
                "differentiable": differentiable,
                "fused": fused,
                "decoupled_weight_decay": decoupled_weight_decay,
            },
        )

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group.setdefault("amsgrad", False)
            group.setdefault("maximize", False)
            group.setdefault("foreach", None)
            group.setdefault("capturable", False)
            group.setdefault("differentiable", False)
            group.setdefault("decoupled_weight_decay", False)
            group.setdefault("fused", None)
            for p in group["params"]:
                kept = self.state.get(p)
                if kept and not isinstance(kept["step"], Tensor):  # old checkpoints hold a number
                    kept["step"] = _step_tensor(float(kept["step"]))

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
        if group["capturable"]:
            raise AssertionError(
                "capturable=True: params and state_steps must be on a device with graphs, not "
                "the CPU"
            )
        amsgrad = group["amsgrad"]
        states = [
            self.state[p] or self._new_state(p, grad, amsgrad)
            for p, grad in zip(params, grads, strict=True)
        ]
        beta1, beta2 = group["betas"]
        _C._adam_step(
            params,
            grads,
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [state["max_exp_avg_sq"] for state in states] if amsgrad else [],
            [state["step"] for state in states],
            number(group["lr"]),
            number(beta1),
            number(beta2),
            number(group["weight_decay"]),
            group["eps"],
            amsgrad,
            group["maximize"],
            group["decoupled_weight_decay"],
        )

    def _new_state(self, p, grad, amsgrad):
        state = self.state[p]
        state["step"] = _step_tensor(0.0)
        state["exp_avg"] = _C._zero_moments(p, grad)
        state["exp_avg_sq"] = _C._zero_moments(p, grad)
        if amsgrad:
            state["max_exp_avg_sq"] = _C._zero_moments(p, grad)
        return state


class AdamW(Adam):
    """Adam with decoupled weight decay: p *= 1 - lr * weight_decay before each step; m and v never
    see it.

    Source: Loshchilov, Hutter, "Decoupled weight decay regularization", 2017.
    """

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=1e-2,
        amsgrad=False,
        *,
        maximize=False,
        foreach=None,
        capturable=False,
        differentiable=False,
        fused=None,
    ):
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            group["decoupled_weight_decay"] = True


def _step_tensor(value):
    """The count of steps: float32 (or float64 if that is the default dtype), shape ()."""
    double = izvod.get_default_dtype() == izvod.float64
    return izvod.tensor(value, dtype=izvod.float64 if double else izvod.float32)


def _check_settings(lr, betas, eps, weight_decay, numbers_only):
    if isinstance(lr, Tensor):
        if numbers_only:
            raise ValueError(
                "lr as a Tensor is not supported for capturable=False and foreach=True"
            )
        if lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
    if not 0.0 <= lr:
        raise ValueError(f"Invalid learning rate: {lr}")
    if not 0.0 <= eps:
        raise ValueError(f"Invalid epsilon value: {eps}")
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
    if not 0.0 <= weight_decay:
        raise ValueError(f"Invalid weight_decay value: {weight_decay}")
    kind = Tensor if isinstance(betas[0], Tensor) else float
    if not all(isinstance(beta, kind) for beta in betas):
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas if kind is Tensor else ()):
        if numbers_only:
            raise ValueError(
                f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True"
            )
        if beta.numel() != 1:
            raise ValueError(f"Tensor betas[{i}] must be 1-element")
