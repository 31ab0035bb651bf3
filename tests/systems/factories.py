"""Torch modules for the tests of `TorchSystem`, found by search_path."""

import torch
from torch import nn


class Shared(nn.Module):
    """One block that is called three times, then an activation that works in place on what the block gave."""

    def __init__(self, width=4, channels=3):
        super().__init__()
        self.start = nn.Conv2d(channels, width, 1)
        self.block = nn.Conv2d(width, width, 1)
        self.act = nn.ReLU(inplace=True)
        self.bn = nn.BatchNorm2d(width)
        self.pair = Pair()
        self.never = nn.Identity()

    def forward(self, x):
        x = self.start(x)
        for _ in range(3):
            x = self.act(self.block(x))
        return self.pair(self.bn(x))


class Pair(nn.Module):
    def forward(self, x):
        return x.mean(dim=(2, 3)), {"no": "tensor"}, x


class WithClassToken(nn.Module):
    """A class token and two patch tokens."""

    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.ones(1, 1, 3))
        self.tokens = nn.Identity()

    def forward(self, x):
        halves = torch.stack([half.mean(dim=(2, 3)) for half in x.chunk(2, dim=2)], dim=1)
        return self.tokens(torch.cat([self.cls_token.expand(len(x), -1, -1), halves], dim=1))


class Looking(nn.Module):
    """Goes one way or the other by the values that it sees, which the meta device does not have."""

    def __init__(self):
        super().__init__()
        self.end = nn.Linear(3, 5)

    def forward(self, x):
        means = x.mean(dim=(2, 3))
        return self.end(means if float(means.sum()) > 0 else -means)


def shared(**arguments):
    return Shared(**arguments)


def with_class_token():
    return WithClassToken()


def looking():
    return Looking()


def needing(model, revision):
    """Its arguments have the names of options of `list_layers`."""
    return nn.ModuleDict({f"{model}{index}": nn.Identity() for index in range(revision)})


def no_module():
    return "text"


not_callable = 3


class Reading(nn.Module):
    """A table of vectors, one a token."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(20, 4)

    def forward(self, ids, attention_mask):
        return self.table(ids) * attention_mask[..., None]


def reading():
    return Reading()


def seeing():
    """Gives back what it is shown."""
    return nn.Sequential(nn.Identity())
