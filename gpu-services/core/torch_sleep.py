"""Sleep and wake for models of PyTorch: a copy of the weights stays in host memory, the GPU's is dropped.

The copy is made at the first sleep and kept, so that later ones only drop. On a GPU it is pinned, which makes
the way back fast, and lies in arenas: PyTorch rounds each pinned allocation up to a power of two, nearly
double at worst.
Needs torch in the service's environment.
"""

import gc
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

ARENA_BYTES = 512 * 1024 * 1024
ALIGN_BYTES = 64


class Place(NamedTuple):
    arena: int
    offset_bytes: int


class HostCopy:
    """The weights of `modules`, which live on `device`. Nothing may use them between `sleep` and `wake`."""

    def __init__(self, modules: Iterable[Any], device: str) -> None:
        parameters, buffers = weights_of(modules)
        self._tensors = [*parameters, *buffers]
        self._buffers = len(buffers)
        self._device = device
        self._host: list[Any] = []
        if not self._is_cuda:
            # What was mapped from a file may lie at odd addresses, where kernels differ in the last bit.
            for tensor in self._tensors:
                tensor.data = tensor.data.clone()

    def sleep(self) -> None:
        import torch

        if not self._host:
            self._host = host_tensors(self._tensors, pin=self._is_cuda)
            self._copy(self._tensors, self._host)
        elif self._buffers > 0:  # unlike weights they may have changed since
            self._copy(self._tensors[-self._buffers :], self._host[-self._buffers :])
        for tensor, host in zip(self._tensors, self._host, strict=True):
            tensor.data = host
        gc.collect()
        if self._is_cuda:
            torch.cuda.synchronize()
            torch.cuda.empty_cache()

    def wake(self) -> None:
        import torch

        for tensor, host in zip(self._tensors, self._host, strict=True):
            tensor.data = host.to(self._device, non_blocking=True, copy=True)
        if self._is_cuda:
            torch.cuda.synchronize()

    @property
    def _is_cuda(self) -> bool:
        return self._device.startswith("cuda")

    def _copy(self, tensors: Sequence[Any], hosts: Sequence[Any]) -> None:
        for tensor, host in zip(tensors, hosts, strict=True):
            host.copy_(tensor.data)


def weights_of(modules: Iterable[Any]) -> tuple[list[Any], list[Any]]:
    """Parameters and buffers, each once, however many modules share it."""
    modules = list(modules)
    parameters = {id(tensor): tensor for module in modules for tensor in module.parameters()}
    buffers = {id(tensor): tensor for module in modules for tensor in module.buffers()}
    return list(parameters.values()), [tensor for key, tensor in buffers.items() if key not in parameters]


def host_tensors(tensors: Sequence[Any], pin: bool) -> list[Any]:
    """One empty host tensor for each, of its type, shape and strides."""
    import torch

    places = list(packed([size_of(tensor) for tensor in tensors], ARENA_BYTES))
    ends: dict[int, int] = {}
    for place, tensor in zip(places, tensors, strict=True):
        ends[place.arena] = place.offset_bytes + size_of(tensor)
    arenas = {
        arena: torch.empty(end, dtype=torch.uint8, device="cpu", pin_memory=pin)
        for arena, end in ends.items()
    }
    return [
        within(arenas[place.arena], place.offset_bytes, like=tensor)
        for place, tensor in zip(places, tensors, strict=True)
    ]


def packed(sizes_bytes: Iterable[int], arena_bytes: int) -> Iterator[Place]:
    """Where each goes, in order; one that is larger than an arena gets one of its own."""
    arena, offset = 0, 0
    for size in sizes_bytes:
        if offset > 0 and offset + size > arena_bytes:
            arena, offset = arena + 1, 0
        yield Place(arena, offset)
        offset += -(-size // ALIGN_BYTES) * ALIGN_BYTES


def within(arena: Any, offset_bytes: int, like: Any) -> Any:
    flat = arena[offset_bytes : offset_bytes + size_of(like)].view(like.dtype)
    if is_dense(like):
        return flat.as_strided(like.size(), like.stride())
    return flat.view(like.size())


def size_of(tensor: Any) -> int:
    return int(tensor.numel() * tensor.element_size())


def is_dense(tensor: Any) -> bool:
    """Whether the tensor's strides fill its memory without holes or overlaps, in whatever order."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.size(), strict=True)):
        if size == 1:
            continue
        if stride != expected:
            return False
        expected *= size
    return True
