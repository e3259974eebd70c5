"""A trainer with PyTorch, whose augmentation is its own.

misread run examples/pytorch.toml
"""

import torch
from torch import nn


def network(n_classes):
    """Return the network, untrained."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.LazyLinear(n_classes)
    )


def tensor(images):
    """Return images as PyTorch takes them, `[N, 1, H, W]` from 0 to 1."""
    return torch.tensor(images, dtype=torch.float32)[:, None] / 255


def train(lesson):
    """Train the network; with `shift`, every batch is moved by up to so many pixels."""
    torch.manual_seed(lesson.seed)
    images, labels = tensor(lesson.images), torch.tensor(lesson.labels)
    shift = lesson.settings.get("shift", 0)
    model = network(len(lesson.class_names))
    model(images[:1])  # so that the lazy layer learns its size
    steps = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(lesson.settings["epochs"]):
        for batch in torch.randperm(len(images)).split(64):
            moves = torch.randint(-shift, shift + 1, (2,)).tolist()
            read = model(torch.roll(images[batch], moves, dims=(2, 3)))
            loss = nn.functional.cross_entropy(read, labels[batch])
            steps.zero_grad()
            loss.backward()
            steps.step()
    torch.save(model.state_dict(), lesson.folder / "model.pt")
    return reader(model)


def load(folder):
    """Return what reads with the model in a folder."""
    weights = torch.load(folder / "model.pt", weights_only=True)
    model = network(len(weights["3.bias"]))
    model[3] = nn.Linear(weights["3.weight"].shape[1], len(weights["3.bias"]))
    model.load_state_dict(weights)
    return reader(model)


def reader(model):
    """Return what reads with a model."""
    model.eval()

    def read(images):
        with torch.no_grad():
            return model(tensor(images)).softmax(dim=1).numpy()

    return read
