"""Calls with next to nothing to compute, and the course's snippets."""


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


def view(lib):
    a = lib.torch.ones(10, 20)
    return lambda: a.view(20, 10)


def transpose(lib):
    a = lib.torch.ones(10, 20)
    return lambda: a.transpose(0, 1)


def tensor_from_list(lib):
    numbers = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    return lambda: lib.torch.tensor(numbers)


def tensors_snippet(lib):
    """The course's first steps: tensors of lists, shapes, a transpose, a product."""
    torch = lib.torch

    def run():
        x = torch.tensor([[1, 2, 3], [4, 5, 6]])
        x.view(3, 2), x.T, x.matmul(x.T), x @ x.T

    return run


def rl_mlp_step(lib):
    """An agent's perceptron 4-64-64-2, batch 32, Adam."""
    torch, nn = lib.torch, lib.nn
    net = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))
    optimizer = lib.optim.Adam(net.parameters(), lr=1e-3)
    x, y = torch.randn(32, 4), torch.randn(32, 2)

    def run():
        optimizer.zero_grad()
        lib.F.mse_loss(net(x), y).backward()
        optimizer.step()

    return run


def twenty_layers(lib):
    """A Sequential of 20 Linear(16, 16), forward and backward."""
    torch, nn = lib.torch, lib.nn
    net = nn.Sequential(*(nn.Linear(16, 16) for _ in range(20)))
    x = torch.randn(1, 16)

    def run():
        net.zero_grad()
        net(x).sum().backward()

    return run


CALLS = [
    add,
    add_with_grad,
    multiply_by_number,
    index,
    view,
    transpose,
    item,
    tensor_from_list,
    rl_mlp_step,
    twenty_layers,
]
SNIPPETS = [chain_of_100, tensors_snippet, sigmoid_snippet, simplenet_step]
