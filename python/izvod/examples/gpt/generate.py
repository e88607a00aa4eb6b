"""Text from a prompt, one token at a time."""

import math

import izvod
import izvod.nn.functional as F


def generate(model, prompt, sample, n_ids, generator):
    """Yields `sample.tokens` ids that follow `prompt`, a list of ids.

    Only ids below `n_ids` come. When the context is full, the older half of it is forgotten, with
    and without the key-value cache, so that both give the same text.
    """
    model.eval()
    context = model.config.context_length
    window = unseen = prompt[-context:]
    cache = model.new_cache() if sample.cache else None
    for _ in range(sample.tokens):
        with izvod.no_grad():
            logits = model(izvod.tensor([unseen if sample.cache else window]), cache)[0, -1, :n_ids]
            token = pick(logits, sample.temperature, sample.top_k, generator)
        yield token
        window, unseen = window + [token], [token]
        if len(window) > context:
            window = unseen = window[-max(1, context // 2) :]
            cache = model.new_cache() if sample.cache else None


def pick(logits, temperature, top_k, generator):
    """A random id by its score [n]; the best one at temperature 0, one of the k best with top_k."""
    if temperature == 0:
        return int(logits.argmax())
    if 0 < top_k < len(logits):
        worst = izvod.topk(logits, top_k).values[-1]
        logits = logits.masked_fill(logits < worst, -math.inf)
    # The best score becomes 0: no temperature, however small, can make an infinity of it.
    probabilities = F.softmax((logits - logits.max()) / temperature, dim=-1)
    return int(izvod.multinomial(probabilities, 1, generator=generator))
