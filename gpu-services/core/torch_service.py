"""What our PyTorch services share: a thread for the model, and sleep in host memory."""

import hashlib
from collections.abc import Sequence
from typing import Any

from .base_service import BaseService
from .one_at_a_time import OneAtATime
from .torch_sleep import HostCopy


class TorchService(BaseService):
    """A model that takes one call at a time, in `model_thread`. It can sleep once it `keeps_a_copy`."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(name=name, port=port)
        self.model_thread = OneAtATime(name)
        self._copy: HostCopy | None = None

    def canary_output(self) -> bytes:
        """A small generation, the same each time. Blocks."""
        raise NotImplementedError

    def keeps_a_copy(self, modules: Sequence[Any], device: str) -> None:
        """From `initialize`, once the weights are on the device; not where accelerate moves them about."""
        self._copy = HostCopy(modules, device)

    @property
    def can_sleep(self) -> bool:
        return self._copy is not None

    async def sleep(self) -> None:
        assert self._copy is not None
        await self.model_thread.run(self._copy.sleep)

    async def wake(self) -> None:
        assert self._copy is not None
        await self.model_thread.run(self._copy.wake)

    async def canary(self) -> str | None:
        return hashlib.sha256(await self.model_thread.run(self.canary_output)).hexdigest()
