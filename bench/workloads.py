"""What compare.py times: each function takes the modules of one library and returns the call."""

import importlib


class Library:
    """torch's modules, or izvod's in their place."""

    def __init__(self, name):
        self.torch = importlib.import_module(name)
        self.nn = importlib.import_module(f"{name}.nn")
        self.F = importlib.import_module(f"{name}.nn.functional")
        self.optim = importlib.import_module(f"{name}.optim")


# ---- Calls: next to nothing to compute


def add(lib):
    a, b = lib.torch.ones(1), lib.torch.ones(1)
    return lambda: a + b


def add_with_grad(lib):
    a, b = lib.torch.ones(1), lib.torch.ones(1, requires_grad=True)
    return lambda: a + b


def multiply_by_number(lib):
    a = lib.torch.ones(1)
    return lambda: a * 2.0


def index(lib):
    a = lib.torch.ones(10, 20)
    return lambda: a[3:7, ::2]


def item(lib):
    a = lib.torch.ones(1)
    return lambda: a.item()


def chain_of_100(lib):
    """100 multiplications forward and backward."""
    w, b = lib.torch.ones(1, requires_grad=True), lib.torch.ones(1)

    def run():
        x = w
        for _ in range(100):
            x = x * b
        x.backward()

    return run


def sigmoid_snippet(lib):
    """The course's logistic regression, forward and backward."""
    torch = lib.torch
    x, y = torch.tensor([1.1]), torch.tensor([1.0])
    w = torch.tensor([2.2], requires_grad=True)
    b = torch.tensor([0.0], requires_grad=True)

    def run():
        loss = lib.F.binary_cross_entropy(torch.sigmoid(x * w + b), y)
        w.grad = b.grad = None
        loss.backward()

    return run


def simplenet_step(lib):
    """The course's SimpleNet: zero_grad, forward, backward, step of SGD."""
    nn = lib.nn

    class SimpleNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1 = nn.Linear(10, 5)
            self.relu = nn.ReLU()
            self.fc2 = nn.Linear(5, 1)
            self.sigmoid = nn.Sigmoid()

        def forward(self, x):
            return self.sigmoid(self.fc2(self.relu(self.fc1(x))))

    net, criterion = SimpleNet(), nn.BCELoss()
    optimizer = lib.optim.SGD(net.parameters(), lr=0.01)
    inputs, labels = lib.torch.randn(1, 10), lib.torch.ones(1, 1)

    def run():
        optimizer.zero_grad()
        criterion(net(inputs), labels).backward()
        optimizer.step()

    return run


# ---- A training step of a small GPT


def char_gpt_step(lib, vocabulary=65, context=64, width=128, heads=4, layers=4, batch=12):
    """One step of AdamW on a GPT over characters, 0.8 million parameters."""
    torch, nn, F = lib.torch, lib.nn, lib.F

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            n, t, c = x.shape
            q, k, v = (
                y.view(n, t, heads, c // heads).transpose(1, 2)
                for y in self.qkv(self.norm1(x)).split(c, dim=2)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.out(y.transpose(1, 2).reshape(n, t, c))
            return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens, self.places = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
            self.blocks = nn.ModuleList([Block() for _ in range(layers)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

        def forward(self, ids):
            x = self.tokens(ids) + self.places(torch.arange(ids.shape[1]))
            for block in self.blocks:
                x = block(x)
            return self.head(self.norm(x))

    torch.manual_seed(0)
    model = GPT()
    optimizer = lib.optim.AdamW(model.parameters(), lr=1e-3)
    ids = torch.randint(0, vocabulary, (batch, context))
    targets = torch.randint(0, vocabulary, (batch, context))

    def run():
        optimizer.zero_grad()
        F.cross_entropy(model(ids).view(-1, vocabulary), targets.view(-1)).backward()
        optimizer.step()

    return run


# ---- Random numbers: ten million of them

MANY = 10_000_000


def rand(lib):
    return lambda: lib.torch.rand(MANY)


def randn(lib):
    return lambda: lib.torch.randn(MANY)


def dropout(lib):
    x = lib.torch.ones(MANY)
    return lambda: lib.F.dropout(x, 0.1)


def bernoulli_of_number(lib):
    x = lib.torch.empty(MANY)
    return lambda: x.bernoulli_(0.5)


def bernoulli_of_tensor(lib):
    p = lib.torch.full((MANY,), 0.3)
    return lambda: lib.torch.bernoulli(p)


GROUPS = {
    "calls": [add, add_with_grad, multiply_by_number, index, item],
    "snippets": [chain_of_100, sigmoid_snippet, simplenet_step],
    "training": [char_gpt_step],
    "random": [rand, randn, dropout, bernoulli_of_number, bernoulli_of_tensor],
}
WORKLOADS = {f.__name__: f for group in GROUPS.values() for f in group}
