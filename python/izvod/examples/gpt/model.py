"""The transformer of GPT-2: characters in, a score for every possible next character out.

Radford et al., "Language Models are Unsupervised Multitask Learners", 2019.
Shapes: B sequences in a batch, T tokens in a sequence, C = emb_dim, H heads of D = C / H.
"""

import izvod
import izvod.nn.functional as F
from izvod import nn


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config
        self.tok_emb = nn.Embedding(config.vocab_size, config.emb_dim)
        self.pos_emb = nn.Embedding(config.context_length, config.emb_dim)
        self.drop_emb = nn.Dropout(config.drop_rate)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.n_layers)])
        self.final_norm = nn.LayerNorm(config.emb_dim)
        if not config.tie_weights:
            self.out_head = nn.Linear(config.emb_dim, config.vocab_size, bias=False)
        self._init_weights()

    def forward(self, tokens, cache=None):
        """tokens [B, T] -> logits [B, T, vocab_size].

        With a `cache` (see `new_cache`) the tokens follow those of earlier calls.
        """
        past = cache[0].length if cache else 0
        positions = izvod.arange(past, past + tokens.size(1))
        x = self.drop_emb(self.tok_emb(tokens) + self.pos_emb(positions))
        for i, block in enumerate(self.blocks):
            x = block(x, cache[i] if cache else None)
        x = self.final_norm(x)
        return F.linear(x, self.tok_emb.weight) if self.config.tie_weights else self.out_head(x)

    def new_cache(self, batch_size=1):
        """An empty key-value cache for each layer, with room for `context_length` tokens."""
        return [KeyValueCache(self.config, batch_size) for _ in self.blocks]

    def _init_weights(self):
        """GPT-2's: a normal of 0.02, less where a layer adds to the residual stream.

        That is for a width of 768. Narrower layers sum fewer terms and start larger to match:
        at 128 this saves a quarter of the steps to a given loss.
        """
        std = 0.02 * (768 / self.config.emb_dim) ** 0.5
        residual_std = std / (2 * self.config.n_layers) ** 0.5
        for name, p in self.named_parameters():
            if name.endswith("bias"):
                nn.init.zeros_(p)
            elif p.dim() == 2:
                nn.init.normal_(p, std=residual_std if name.endswith("proj.weight") else std)


class Block(nn.Module):
    """Attention, then an MLP, each on a normalised copy and added back to x."""

    def __init__(self, config):
        super().__init__()
        self.norm1 = nn.LayerNorm(config.emb_dim)
        self.att = CausalSelfAttention(config)
        self.norm2 = nn.LayerNorm(config.emb_dim)
        self.mlp = MLP(config)
        self.drop_shortcut = nn.Dropout(config.drop_rate)

    def forward(self, x, cache=None):
        x = x + self.drop_shortcut(self.att(self.norm1(x), cache))
        x = x + self.drop_shortcut(self.mlp(self.norm2(x)))
        return x


class CausalSelfAttention(nn.Module):
    """Every token gathers from itself and the tokens before it what its query asks for."""

    def __init__(self, config):
        super().__init__()
        self.n_heads = config.n_heads
        self.drop_rate = config.drop_rate
        self.qkv = nn.Linear(config.emb_dim, 3 * config.emb_dim, bias=config.qkv_bias)
        self.proj = nn.Linear(config.emb_dim, config.emb_dim)

    def forward(self, x, cache=None):
        B, T, C = x.shape
        heads = self.qkv(x).view(B, T, 3, self.n_heads, C // self.n_heads)
        q, k, v = heads.transpose(1, 3).unbind(2)  # each [B, H, T, D]
        if cache is not None:
            k, v = cache.append(k, v)
        # A single token may look at all there is. More come only to an empty cache, or to none.
        y = F.scaled_dot_product_attention(
            q, k, v, dropout_p=self.drop_rate if self.training else 0.0, is_causal=T > 1
        )
        return self.proj(y.transpose(1, 2).reshape(B, T, C))


class MLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.fc = nn.Linear(config.emb_dim, 4 * config.emb_dim)
        self.proj = nn.Linear(4 * config.emb_dim, config.emb_dim)

    def forward(self, x):
        return self.proj(F.gelu(self.fc(x), approximate="tanh"))


class KeyValueCache:
    """Keys and values of one layer's earlier tokens, so that they are computed only once."""

    def __init__(self, config, batch_size):
        head_dim = config.emb_dim // config.n_heads
        shape = (batch_size, config.n_heads, config.context_length, head_dim)
        self.keys, self.values = izvod.zeros(shape), izvod.zeros(shape)
        self.length = 0

    def append(self, k, v):
        """k, v [B, H, T, D] of new tokens -> those of all tokens so far, [B, H, length, D]."""
        start, self.length = self.length, self.length + k.size(2)
        self.keys[:, :, start : self.length] = k
        self.values[:, :, start : self.length] = v
        return self.keys[:, :, : self.length], self.values[:, :, : self.length]
