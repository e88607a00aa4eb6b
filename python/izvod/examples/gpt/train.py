"""The training loop, and everything that changes from one step to the next."""

import math

import izvod
import izvod.nn.functional as F
from izvod import nn, optim

from .errors import InputError
from .model import GPT


class Run:
    """A model in training. What it is made of, `checkpoint.py` saves and restores."""

    def __init__(self, model_config, train_config, corpus):
        self.config, self.corpus = train_config, corpus
        izvod.manual_seed(train_config.seed)  # for the weights, then for dropout
        self.batches = izvod.Generator().manual_seed(train_config.seed)
        self.model = GPT(model_config)
        self.optimizer = optim.AdamW(self._param_groups(), lr=train_config.lr, betas=(0.9, 0.99))
        self.step = 0
        self.train_losses = []  # one a step
        self.val_losses = []  # (step, loss)

    def train_step(self):
        """One batch forward, backward and into the weights; returns its loss.

        Raises InputError if the loss is not finite, before the weights are touched.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr_at(self.step)
        self.optimizer.zero_grad()  # before the forward pass, which needs the memory
        loss = self._loss(self.corpus.train, self.batches)
        value = loss.item()
        if not math.isfinite(value):
            raise InputError(f"the loss is {value} at step {self.step + 1}; try a smaller --lr")
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_clip)
        self.optimizer.step()
        self.step += 1
        self.train_losses.append(value)
        return value

    def validate(self):
        """The mean loss over the same random windows of the validation part every time."""
        generator = izvod.Generator().manual_seed(0)
        self.model.eval()
        with izvod.no_grad():
            losses = [
                self._loss(self.corpus.val, generator).item()
                for _ in range(self.config.eval_batches)
            ]
        self.model.train()
        mean = sum(losses) / len(losses)
        self.val_losses.append((self.step, mean))
        return mean

    def _loss(self, part, generator):
        inputs, targets = self.corpus.batch(part, self.config.batch_size, generator)
        logits = self.model(inputs)
        return F.cross_entropy(logits.view(-1, logits.size(-1)), targets.reshape(-1))

    def _param_groups(self):
        """Matrices decay; biases and the scales of layer norms do not."""
        params = list(self.model.parameters())
        return [
            {
                "params": [p for p in params if p.dim() >= 2],
                "weight_decay": self.config.weight_decay,
            },
            {"params": [p for p in params if p.dim() < 2], "weight_decay": 0.0},
        ]


def train(run, save):
    """Trains up to `run.config.steps`; calls `save()` after each validation.

    The progress bar counts characters, so its rate is the speed.
    """
    from tqdm import tqdm

    config = run.config
    tokens = config.batch_size * run.corpus.context_length
    with tqdm(
        total=config.steps * tokens, initial=run.step * tokens, unit="tok", unit_scale=True
    ) as bar:
        while run.step < config.steps:
            loss = run.train_step()
            bar.set_postfix(step=run.step, loss=f"{loss:.3f}", refresh=False)
            bar.update(tokens)
            if run.step % config.eval_every == 0 or run.step == config.steps:
                val_loss = run.validate()
                bar.write(f"step {run.step:6}  loss {loss:.3f}  validation {val_loss:.3f}")
                save()
