"""Which layer stands for which operation of PyTorch."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from disvae.explore.network import InexpressibleError
from disvae.explore.tracing import Trace

Rule = Callable[..., int]


def _unary(op: str, **names: str) -> Rule:
    """Make the rule of a function of each value; `names` are its settings in PyTorch."""

    def rule(trace: Trace, result: Tensor, self: Tensor, **given: Any) -> int:
        settings = {ours: given[theirs] for ours, theirs in names.items()}
        return trace.emit(op, (trace.number(self),), result.shape, settings)

    return rule


def _linear(trace: Trace, result: Tensor, x: Tensor, weight: Tensor, bias: Tensor | None) -> int:
    if x.dim() != 2 or not trace.depends(x) or trace.depends(weight):
        raise InexpressibleError("it multiplies values that both depend on its input")
    return trace.emit("linear", (trace.number(x),), result.shape, weight=weight, bias=bias)


def _addmm(
    trace: Trace, result: Tensor, self: Tensor, mat1: Tensor, mat2: Tensor, **scales: Any
) -> int:
    if scales != {"beta": 1, "alpha": 1}:
        raise InexpressibleError("it scales a matrix product")
    return _linear(trace, result, mat1, mat2, self)


def _convolution(
    trace: Trace, result: Tensor, input: Tensor, weight: Tensor, bias: Tensor | None, **given: Any
) -> int:
    if given["groups"] != 1 or input.dim() != 4 or trace.depends(weight):
        raise InexpressibleError("it uses a convolution in groups or of another dimension")
    settings = {name: list(given[name]) for name in ("stride", "padding", "dilation")}
    settings["kernel"] = list(weight.shape[2:])
    # rows, columns, channels in, channels out
    order, op = ((2, 3, 0, 1), "conv_transposed") if given["transposed"] else ((2, 3, 1, 0), "conv")
    weight = weight.permute(order).contiguous()
    return trace.emit(op, (trace.number(input),), result.shape, settings, weight=weight, bias=bias)


def _arithmetic(op: str) -> Rule:
    def rule(trace: Trace, result: Tensor, self: Any, other: Any, alpha: float = 1) -> int:
        if trace.depends(self) and trace.depends(other):
            if alpha != 1 or op == "divide":
                raise InexpressibleError(f"it uses the operation {op} on two values")
            inputs = trace.spread(self, result.shape), trace.spread(other, result.shape)
            return trace.emit(op, inputs, result.shape)
        value, constant = (self, other) if trace.depends(self) else (other, self)
        number = torch.as_tensor(constant, dtype=torch.float32)
        if number.numel() > 1:
            number = number.expand(result.shape)
        one, zero = torch.ones(1), torch.zeros(1)
        if op == "divide" and value is other:
            raise InexpressibleError("it divides by a value")
        sign = -1 if op == "subtract" and value is other else 1
        scale, shift = {
            "add": (one, alpha * number),
            "subtract": (sign * one, -sign * alpha * number),
            "multiply": (number, zero),
            "divide": (1 / number, zero),
        }[op]
        return trace.emit(
            "affine", (trace.spread(value, result.shape),), result.shape,
            scale=scale.reshape(-1), shift=shift.reshape(-1),
        )  # fmt: skip

    return rule


def _batch_norm(
    trace: Trace, result: Tensor, input: Tensor, weight: Tensor | None, bias: Tensor | None,
    running_mean: Tensor, running_var: Tensor, eps: float, training: bool = False, **_: Any,
) -> int:  # fmt: skip
    if training or running_mean is None:
        raise InexpressibleError("it normalises by the batch")
    scale = torch.rsqrt(running_var + eps) * (1 if weight is None else weight)
    shift = (0 if bias is None else bias) - running_mean * scale
    return trace.emit("affine", (trace.number(input),), result.shape, scale=scale, shift=shift)


def _group_norm(
    trace: Trace, result: Tensor, input: Tensor, weight: Tensor | None, bias: Tensor | None,
    group: int, eps: float, **_: Any,
) -> int:  # fmt: skip
    settings = {"groups": group, "eps": eps}
    number = trace.emit("group_norm", (trace.number(input),), result.shape, settings)
    return _scaled(trace, number, result, weight, bias)


def _layer_norm(
    trace: Trace, result: Tensor, input: Tensor, normalized_shape: list[int],
    weight: Tensor | None, bias: Tensor | None, eps: float,
) -> int:  # fmt: skip
    if list(normalized_shape) != list(result.shape[1:]):
        raise InexpressibleError("it normalises parts of an image")
    settings = {"groups": 1, "eps": eps}
    number = trace.emit("group_norm", (trace.number(input),), result.shape, settings)
    return _scaled(trace, number, result, weight, bias)


def _scaled(
    trace: Trace, number: int, result: Tensor, weight: Tensor | None, bias: Tensor | None
) -> int:
    if weight is None and bias is None:
        return number
    scale = torch.ones(1) if weight is None else weight.reshape(-1)
    shift = torch.zeros(1) if bias is None else bias.reshape(-1)
    return trace.emit("affine", (number,), result.shape, scale=scale, shift=shift)


def _upsample(trace: Trace, result: Tensor, **given: Any) -> int:
    values = given.get("self", given.get("input"))
    assert values is not None  # noqa: S101
    factor = result.shape[-1] // values.shape[-1]
    if [factor * side for side in values.shape[-2:]] != list(result.shape[-2:]):
        raise InexpressibleError("it resizes by a fraction")
    return trace.emit("upsample", (trace.number(values),), result.shape, {"factor": factor})


def _average(trace: Trace, result: Tensor, self: Tensor, **given: Any) -> int:
    size, stride = list(given["kernel_size"]), list(given["stride"]) or None
    size = size * 2 if len(size) == 1 else size
    if stride not in (None, size, size[:1]) or any(given["padding"]) or given["ceil_mode"]:
        raise InexpressibleError("it pools windows that overlap")
    return trace.emit("average", (trace.number(self),), result.shape, {"size": size})


def _mean(trace: Trace, result: Tensor, self: Tensor, dim: list[int], **_: Any) -> int:
    if self.dim() != 4 or sorted(d % 4 for d in dim or []) != [2, 3]:
        raise InexpressibleError("it averages over other axes than height and width")
    size = list(self.shape[2:])
    return trace.emit("average", (trace.number(self),), result.shape, {"size": size})


RULES: dict[str, Rule] = {
    "addmm": _addmm,
    "mm": lambda trace, result, self, mat2: _linear(trace, result, self, mat2, None),
    "convolution": _convolution,
    "add": _arithmetic("add"),
    "sub": _arithmetic("subtract"),
    "rsub": lambda trace, result, self, other, alpha: _arithmetic("subtract")(
        trace, result, other, self, alpha
    ),
    "mul": _arithmetic("multiply"),
    "div": _arithmetic("divide"),
    "relu": _unary("relu"),
    "leaky_relu": _unary("leaky_relu", slope="negative_slope"),
    "elu": _unary("elu", alpha="alpha"),
    "silu": _unary("silu"),
    "gelu": _unary("gelu", approximate="approximate"),
    "softplus": _unary("softplus"),
    "tanh": _unary("tanh"),
    "sigmoid": _unary("sigmoid"),
    "native_batch_norm": _batch_norm,
    "_native_batch_norm_legit_no_training": _batch_norm,
    "cudnn_batch_norm": _batch_norm,
    "native_group_norm": _group_norm,
    "native_layer_norm": _layer_norm,
    "upsample_nearest2d": _upsample,
    "avg_pool2d": _average,
    "mean": _mean,
}
