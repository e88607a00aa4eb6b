"""Training steps, forward, backward and the optimizer's: GPTs of several sizes and a perceptron."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A GPT's shape, and that of the batch it is trained on."""

    vocabulary: int
    context: int
    width: int
    heads: int
    layers: int
    batch: int
    dropout: float = 0.0
    by_hand: bool = False  # attention as courses write it, with a matrix of scores


CHAR = Shape(65, 64, 128, 4, 4, 12)
MIDDLE = Shape(2048, 256, 384, 6, 6, 8)
BY_HAND = Shape(65, 64, 128, 4, 4, 12, dropout=0.1, by_hand=True)
GPT2_SHORT = Shape(50257, 64, 768, 12, 12, 4)
GPT2_LONG = Shape(50257, 512, 768, 12, 12, 1)


def blocks_of(lib, shape):
    """The class of a transformer block, of this library's modules."""
    torch, nn, F = lib.torch, lib.nn, lib.F
    width, heads = shape.width, shape.heads

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.drop = nn.Dropout(shape.dropout)
            ones = torch.ones(shape.context, shape.context)
            self.register_buffer("mask", torch.triu(ones, diagonal=1).bool())

        def attention(self, q, k, v):
            if not shape.by_hand:
                return F.scaled_dot_product_attention(q, k, v, is_causal=True)
            scores = (q @ k.transpose(2, 3)).masked_fill(self.mask, float("-inf"))
            return self.drop(torch.softmax(scores / q.shape[-1] ** 0.5, dim=-1)) @ v

        def forward(self, x):
            n, t, c = x.shape
            q, k, v = (
                y.view(n, t, heads, c // heads).transpose(1, 2)
                for y in self.qkv(self.norm1(x)).split(c, dim=2)
            )
            y = self.attention(q, k, v)
            x = x + self.drop(self.out(y.transpose(1, 2).reshape(n, t, c)))
            return x + self.drop(self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh")))

    return Block


def gpt_step(lib, shape):
    """One step of AdamW on a GPT of this shape."""
    torch, nn, F = lib.torch, lib.nn, lib.F
    Block = blocks_of(lib, shape)

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Embedding(shape.vocabulary, shape.width)
            self.places = nn.Embedding(shape.context, shape.width)
            self.blocks = nn.ModuleList([Block() for _ in range(shape.layers)])
            self.norm = nn.LayerNorm(shape.width)
            self.head = nn.Linear(shape.width, shape.vocabulary, bias=False)

        def forward(self, ids):
            x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    torch.manual_seed(0)
    model = GPT()
    optimizer = lib.optim.AdamW(model.parameters(), lr=1e-3)
    ids, targets = torch.randint(0, shape.vocabulary, (2, shape.batch, shape.context)).unbind()

    def run():
        optimizer.zero_grad()
        F.cross_entropy(model(ids).flatten(0, 1), targets.flatten()).backward()
        optimizer.step()

    return run


def char_gpt_step(lib):
    """A GPT over characters, 0.8 million parameters."""
    return gpt_step(lib, CHAR)


def char_gpt_by_hand_step(lib):
    """The same with attention as courses write it and dropout."""
    return gpt_step(lib, BY_HAND)


def gpt_11m_step(lib):
    """A GPT of 11.5 million parameters, 8 x 256 tokens."""
    return gpt_step(lib, MIDDLE)


def gpt2_124m_4x64_step(lib):
    """GPT-2's 124 million parameters (and a head of its own), 4 x 64 tokens."""
    return gpt_step(lib, GPT2_SHORT)


def gpt2_124m_1x512_step(lib):
    """The same, 1 x 512 tokens."""
    return gpt_step(lib, GPT2_LONG)


def mlp_step(lib):
    """A perceptron 784-512-10 at batch 128, SGD."""
    torch, nn = lib.torch, lib.nn
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10))
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))

    def run():
        optimizer.zero_grad()
        lib.F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return run


WORKLOADS = [
    char_gpt_step,
    char_gpt_by_hand_step,
    mlp_step,
    gpt_11m_step,
    gpt2_124m_4x64_step,
    gpt2_124m_1x512_step,
]
