"""Puts a module to sleep and wakes it; prints what was seen, as JSON. Run by test_torch_sleep.py."""

import json

import torch

import core.torch_sleep as torch_sleep
from core.torch_sleep import HostCopy

torch_sleep.ARENA_BYTES = 4096  # so that there are several


class Net(torch.nn.Module):
    """With tied weights, a buffer, a scalar, an empty tensor, and strides out of order."""

    def __init__(self) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 8, 3)
        self.norm = torch.nn.BatchNorm2d(8)
        self.tied = self.first
        self.scale = torch.nn.Parameter(torch.tensor(2.0))
        self.nothing = torch.nn.Parameter(torch.empty(0, 3))
        self.short = torch.nn.Parameter(torch.randn(7, 5).to(torch.bfloat16))
        self.turned = torch.nn.Parameter(torch.randn(40, 60).t())
        self.repeated = torch.nn.Parameter(torch.randn(4, 1).expand(4, 6), requires_grad=False)

    def forward(self, picture: torch.Tensor) -> torch.Tensor:
        extra = self.turned.sum() + self.short.float().sum() + self.nothing.sum()
        return self.norm(self.tied(picture)) * self.scale + extra


def module() -> Net:
    torch.manual_seed(0)
    return Net().to(memory_format=torch.channels_last).eval()


def state(model: torch.nn.Module) -> list[torch.Tensor]:
    return [tensor.detach().clone() for tensor in model.state_dict().values()]


def same(before: list[torch.Tensor], after: list[torch.Tensor]) -> bool:
    return all(torch.equal(one, other) for one, other in zip(before, after, strict=True))


def dense_strides(model: torch.nn.Module) -> list[tuple[int, ...]]:
    return [tensor.stride() for name, tensor in model.state_dict().items() if name != "repeated"]


def places(model: torch.nn.Module) -> set[int]:
    """The addresses of the memory that the weights are in."""
    return {tensor.untyped_storage().data_ptr() for tensor in model.parameters() if tensor.numel() > 0}


def main() -> None:
    model, picture = module(), torch.randn(1, 3, 16, 16)
    answer, weights = model(picture), state(model)
    strides = dense_strides(model)
    copy = HostCopy([model, model.first], "cpu")
    awake = places(model)
    copy.sleep()
    asleep = places(model)
    seen = {
        "aligned": all(place % torch_sleep.ALIGN_BYTES == 0 for place in awake),
        "weights left their memory": not awake & asleep,
        "arenas": len(asleep),
        "tied stay tied asleep": model.tied.weight is model.first.weight,
    }
    copy.wake()
    seen |= {
        "same answer": torch.equal(model(picture), answer),
        "same weights": same(weights, state(model)),
        "same strides": dense_strides(model) == strides,
        "woken apart from the copy": not asleep & places(model),
    }
    with torch.no_grad():
        model.norm.running_mean.add_(1)  # a buffer that changed between two sleeps
    changed = model(picture)
    copy.sleep()
    copy.wake()
    seen["a changed buffer is kept"] = torch.equal(model(picture), changed) and not torch.equal(
        changed, answer
    )
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
