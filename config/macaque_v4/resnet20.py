"""The ResNet-20 for CIFAR-10 of He et al. 2016 (section 4.2), with parameter-free shortcuts (option A).

Its modules are named as in github.com/akamaster/pytorch_resnet_cifar10, whose weights it takes once the prefix
`module.` is stripped. That repository normalises images by mean (.485, .456, .406) and std (.229, .224, .225).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3 x 3 convolutions and a shortcut that subsamples and pads with zero channels."""

    def __init__(self, channels_in: int, channels: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.stride = stride
        self.new_channels = channels - channels_in

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return functional.relu(y + self.shortcut(x))

    def shortcut(self, x: Tensor) -> Tensor:
        before = self.new_channels // 2
        return functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.new_channels - before))


class ResNet20(nn.Module):
    """Three stages of three blocks: 16 channels at 32 x 32, 32 at 16 x 16, 64 at 8 x 8."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = stage(16, 16, stride=1)
        self.layer2 = stage(16, 32, stride=2)
        self.layer3 = stage(32, 64, stride=2)
        self.linear = nn.Linear(64, classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(torch.mean(x, dim=(2, 3)))


def stage(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        Block(channels_in, channels, stride), Block(channels, channels, 1), Block(channels, channels, 1)
    )


def resnet20(classes: int = 10) -> ResNet20:
    """The factory for `factory: resnet20:resnet20`."""
    return ResNet20(classes)
