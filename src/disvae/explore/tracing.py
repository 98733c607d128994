"""What PyTorch does to one image, written down as layers."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from disvae.explore.network import InexpressibleError, Layer

_LONGEST_INDEX = 20_000  # of a rearrangement, which is written out in full
# operations that only move values: what they do to numbered values tells what they do to all
_MOVES = {
    "view", "_unsafe_view", "reshape", "_reshape_alias", "permute", "transpose", "t", "select",
    "slice", "unbind", "split", "split_with_sizes", "unsqueeze", "squeeze", "expand", "clone",
    "alias", "detach", "cat", "stack", "flip", "constant_pad_nd", "pixel_shuffle", "index_select",
}  # fmt: skip


class Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down what is done to `input`, an image or code alone in its batch.

    `rules` say by the name of an operation of PyTorch what appends its layers.
    """

    def __init__(self, example: Float[Tensor, "1 ..."], rules: Mapping[str, Callable[..., int]]):
        super().__init__()  # type: ignore[no-untyped-call]
        self._rules = rules
        self.input = example.clone()
        self.layers: list[Layer] = []
        self._numbers = {id(self.input): 0}
        self._alive = [self.input]  # so that no other tensor gets the same id

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # else the compiler is imported, which takes a second

    def number(self, tensor: Tensor) -> int:
        """Return the number of a value that depends on the input."""
        try:
            return self._numbers[id(tensor)]
        except KeyError:
            raise InexpressibleError("its result does not depend on its input") from None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        names = [argument.name for argument in func._schema.arguments]
        defaults = {a.name: a.default_value for a in func._schema.arguments}
        given = {**defaults, **dict(zip(names, args, strict=False)), **(kwargs or {})}
        if not any(map(self.depends, _tensors(list(given.values())))):
            return result  # a weight, or something made of weights
        name = func._schema.name.removeprefix("aten::")
        name = name.rstrip("_") if name.endswith("_") else name  # in place: the same function
        if name in _MOVES:
            self._move(func, given, result)
        elif name in self._rules:
            first = result[0] if isinstance(result, tuple) else result
            self.bind(first, self._rules[name](self, first, **given))
        else:
            raise InexpressibleError(f"it uses the operation {name}")
        return result

    def depends(self, value: Any) -> bool:
        """Tell whether a tensor depends on the input."""
        return isinstance(value, Tensor) and id(value) in self._numbers

    def bind(self, tensor: Tensor, number: int) -> None:
        """Let `tensor` be the value `number` from now on."""
        self._numbers[id(tensor)] = number
        self._alive.append(tensor)

    def emit(
        self,
        op: str,
        inputs: tuple[int, ...],
        shape: torch.Size,
        settings: dict[str, Any] | None = None,
        **arrays: Tensor | None,
    ) -> int:
        """Append a layer; return the number of its result."""
        if len(shape) < 2 or shape[0] != 1:
            raise InexpressibleError("it mixes the images of a batch")
        there = {name: array for name, array in arrays.items() if array is not None}
        self.layers.append(Layer(op, inputs, tuple(shape[1:]), settings or {}, there))
        return len(self.layers)

    def spread(self, tensor: Tensor, shape: torch.Size) -> int:
        """Return the number of `tensor`, repeated to `shape`."""
        if tensor.shape == shape:
            return self.number(tensor)
        indices = _numbered([tensor])[0].expand(shape)
        return self._gathered((self.number(tensor),), indices, shape)

    def _move(self, func: Any, given: dict[str, Any], result: Any) -> None:
        inputs = [t for t in _tensors(list(given.values())) if self.depends(t)]
        if len(inputs) < len(_tensors(list(given.values()))) or given.get("value", 0) not in (
            0,
            None,
        ):
            raise InexpressibleError(f"it joins images and constants by {func._schema.name}")
        stand_ins = dict(zip(map(id, inputs), _numbered(inputs), strict=True))
        given = {**given, "memory_format": None} if "memory_format" in given else given
        moved = func(**_replaced(given, stand_ins))
        numbers = tuple(map(self.number, inputs))
        results = (
            [(result, moved)] if isinstance(result, Tensor) else zip(result, moved, strict=True)
        )
        for tensor, indices in results:
            self.bind(tensor, self._gathered(numbers, indices, tensor.shape))

    def _gathered(self, numbers: tuple[int, ...], indices: Tensor, shape: torch.Size) -> int:
        index = indices.reshape(-1).long() - 1
        if len(numbers) == 1:
            before = self.layers[numbers[0] - 1].shape if numbers[0] else self.input.shape[1:]
            if torch.equal(index, torch.arange(torch.Size(before).numel())):
                return self._reshaped(numbers[0], tuple(before), shape)
        if len(index) > _LONGEST_INDEX:
            raise InexpressibleError("it rearranges too many values")
        return self.emit("gather", numbers, shape, {"index": index.tolist()})

    def _reshaped(self, number: int, before: tuple[int, ...], shape: torch.Size) -> int:
        if before == tuple(shape[1:]):
            return number
        return self.emit("reshape", (number,), shape)


def _tensors(value: Any) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    return [t for part in value for t in _tensors(part)] if isinstance(value, list | tuple) else []


def _replaced(value: Any, by: dict[int, Tensor]) -> Any:
    if isinstance(value, Tensor):
        return by[id(value)]
    if isinstance(value, dict):
        return {name: _replaced(part, by) for name, part in value.items()}
    return [_replaced(part, by) for part in value] if isinstance(value, list) else value


def _numbered(inputs: list[Tensor]) -> list[Tensor]:
    """Count all values of some tensors from 1, so that 0 is what padding adds."""
    sizes = [tensor.numel() for tensor in inputs]
    numbers = torch.arange(1, sum(sizes) + 1, dtype=torch.float64).split(sizes)  # type: ignore[no-untyped-call]
    return [part.reshape(tensor.shape) for part, tensor in zip(numbers, inputs, strict=True)]
