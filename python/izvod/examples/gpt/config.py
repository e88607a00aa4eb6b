"""What a model and a training run are made of, and the presets that name good combinations."""

import math
from dataclasses import dataclass

from .errors import InputError


def _require(condition, rule, value):
    if not condition:  # also when value is nan, which fails every comparison
        raise InputError(f"{rule}, not {value}")


@dataclass(frozen=True)
class GPTConfig:
    """The shape of a model. Two models with equal configs have interchangeable weights."""

    vocab_size: int | None = None  # None: as many as the text has different characters
    context_length: int = 64  # characters the model sees at once
    emb_dim: int = 128
    n_heads: int = 4
    n_layers: int = 4
    drop_rate: float = 0.0
    qkv_bias: bool = False
    tie_weights: bool = True  # one matrix both embeds and predicts characters

    def __post_init__(self):
        for name in ("vocab_size", "context_length", "emb_dim", "n_heads", "n_layers"):
            value = getattr(self, name)
            _require(value is None or value >= 1, f"{name} must be at least 1", value)
        _require(0 <= self.drop_rate < 1, "drop_rate must be in [0, 1)", self.drop_rate)
        if self.emb_dim % self.n_heads:
            raise InputError(f"n_heads {self.n_heads} does not divide emb_dim {self.emb_dim}")


@dataclass(frozen=True)
class TrainConfig:
    """How a model is trained.

    The learning rate rises over `warmup_steps`, falls along a cosine until `decay_steps` and
    stays at a tenth. It never looks at `steps`: the first hundred steps are the same in a run of
    a hundred and in a run of a thousand, so a run that has ended can be resumed for more.
    """

    steps: int = 1600
    batch_size: int = 12
    lr: float = 3e-3
    warmup_steps: int = 50
    decay_steps: int = 1600
    weight_decay: float = 0.1
    grad_clip: float = 1.0
    eval_every: int = 200
    eval_batches: int = 16
    seed: int = 1

    def __post_init__(self):
        for name in ("steps", "batch_size", "eval_every", "eval_batches"):
            _require(getattr(self, name) >= 1, f"{name} must be at least 1", getattr(self, name))
        for name in ("warmup_steps", "decay_steps"):
            _require(getattr(self, name) >= 0, f"{name} must not be negative", getattr(self, name))
        _require(0 < self.lr < math.inf, "lr must be positive and finite", self.lr)
        _require(0 <= self.seed < 2**63, "seed must be in [0, 2**63)", self.seed)

    def lr_at(self, step):
        """The learning rate of a step; steps count from 0."""
        if step < self.warmup_steps:
            return self.lr * (step + 1) / self.warmup_steps
        progress = (step - self.warmup_steps) / max(1, self.decay_steps - self.warmup_steps)
        return self.lr * (0.1 + 0.45 * (1 + math.cos(math.pi * min(1.0, progress))))


@dataclass(frozen=True)
class SampleConfig:
    """What text is asked for at the end."""

    prompt: str = ""  # empty: the first word of the text
    tokens: int = 500
    temperature: float = 0.7
    top_k: int = 0  # 0: any character may come next
    cache: bool = True

    def __post_init__(self):
        _require(self.tokens >= 0, "tokens must not be negative", self.tokens)
        _require(self.top_k >= 0, "top_k must not be negative", self.top_k)
        _require(
            0 <= self.temperature < math.inf,
            "temperature must be finite and not negative",
            self.temperature,
        )


PRESETS = {
    # A minute on two cores.
    "tiny": (GPTConfig(), TrainConfig()),
    # Ten minutes or more.
    "small": (
        GPTConfig(context_length=128, emb_dim=256, n_heads=8, n_layers=6, drop_rate=0.1),
        TrainConfig(steps=3000, batch_size=16, lr=1.5e-3, warmup_steps=100, decay_steps=3000),
    ),
    # An evening.
    "medium": (
        GPTConfig(context_length=256, emb_dim=512, n_heads=8, n_layers=8, drop_rate=0.1),
        TrainConfig(steps=5000, batch_size=16, lr=6e-4, warmup_steps=200, decay_steps=5000),
    ),
    # GPT-2's smallest. Its vocabulary stays that of GPT-2, of which characters fill the start.
    # A batch is one window of the whole context, so that a step fits in a small machine's memory.
    "124M": (
        GPTConfig(50257, 1024, 768, 12, 12, drop_rate=0.1),
        TrainConfig(
            steps=10_000,
            batch_size=1,
            lr=6e-4,
            warmup_steps=200,
            decay_steps=10_000,
            eval_batches=1,
        ),
    ),
}
