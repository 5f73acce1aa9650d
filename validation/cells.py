"""Many small networks at once: their products are batched, and go back by hand.

Shapes: T steps, K models, B sequences, G gates times H units.  Inputs of a layer are (T, K, B, I),
its outputs (T, K, B, H); every parameter has the models as its first axis.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

Parameters = Mapping[str, Tensor]


class PlainLayer(torch.autograd.Function):
    """A layer of plain RNNs: h = φ(x W_ihᵀ + h W_hhᵀ + b), with the first product given."""

    @staticmethod
    def forward(ctx: Any, from_x: Tensor, weight: Tensor, bias: Tensor, relu: bool) -> Tensor:
        steps, models, count, hidden = from_x.shape
        h = from_x.new_zeros(steps + 1, models, count, hidden)
        into = weight.transpose(1, 2)
        total = from_x + bias[None, :, None, :]
        for t in range(steps):
            torch.baddbmm(total[t], h[t], into, out=h[t + 1])
            h[t + 1].relu_() if relu else h[t + 1].tanh_()
        ctx.save_for_backward(h, weight)
        ctx.relu = relu
        return h[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (of_h,) = gradients
        h, weight = ctx.saved_tensors
        of_total = torch.empty_like(h[1:])
        going = torch.zeros_like(h[0])
        for t in reversed(range(len(of_total))):
            going = going + of_h[t]
            slope = (h[t + 1] > 0) if ctx.relu else 1 - h[t + 1].square()
            torch.mul(going, slope, out=of_total[t])
            going = torch.bmm(of_total[t], weight)
        of_weight = torch.einsum("tkbg,tkbh->kgh", of_total, h[:-1])
        return of_total, of_weight, of_total.sum((0, 2)), None


class GruLayer(torch.autograd.Function):
    """A layer of GRUs with PyTorch's equations and order of gates: reset, update, new."""

    @staticmethod
    def forward(ctx: Any, from_x: Tensor, weight: Tensor, bias: Tensor, bias_new: Tensor) -> Tensor:
        """Run the layer.

        Args:
            bias: (K, 3H): the totals of reset and update, and new's on the side of the input.
            bias_new: (K, H): new's bias on the side of the state.
        """
        steps, models, count, width = from_x.shape
        hidden = width // 3
        h = from_x.new_zeros(steps + 1, models, count, hidden)
        active = torch.empty_like(from_x)
        new_from_h = from_x.new_empty(steps, models, count, hidden)
        into = weight.transpose(1, 2)
        total = from_x + bias[None, :, None, :]
        beside = torch.zeros_like(bias)
        beside[:, 2 * hidden :] = bias_new
        beside = beside[:, None, :].expand(models, count, width)
        for t in range(steps):
            from_h = torch.baddbmm(beside, h[t], into)
            new_from_h[t] = from_h[..., 2 * hidden :]
            gates = active[t, ..., : 2 * hidden]
            torch.add(from_h[..., : 2 * hidden], total[t, ..., : 2 * hidden], out=gates)
            gates.sigmoid_()
            reset, update, new = torch.split(active[t], hidden, -1)
            torch.mul(reset, new_from_h[t], out=new)
            new.add_(total[t, ..., 2 * hidden :]).tanh_()
            torch.sub(h[t], new, out=h[t + 1])
            h[t + 1].mul_(update).add_(new)
        ctx.save_for_backward(h, active, new_from_h, weight)
        return h[1:]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (of_h,) = gradients
        h, active, new_from_h, weight = ctx.saved_tensors
        hidden = h.shape[-1]
        of_x, of_product = torch.empty_like(active), torch.empty_like(active)
        going = torch.zeros_like(h[0])
        for t in reversed(range(len(active))):
            reset, update, new = torch.split(active[t], hidden, -1)
            going = going + of_h[t]
            of_reset, of_update, of_new = torch.split(of_x[t], hidden, -1)
            torch.mul(going, h[t] - new, out=of_update)
            of_update.mul_(update).mul_(1 - update)
            torch.mul(going, 1 - update, out=of_new)
            of_new.mul_(1 - new * new)
            torch.mul(of_new, new_from_h[t], out=of_reset)
            of_reset.mul_(reset).mul_(1 - reset)
            of_product[t, ..., : 2 * hidden] = of_x[t, ..., : 2 * hidden]
            torch.mul(of_new, reset, out=of_product[t, ..., 2 * hidden :])
            going = torch.baddbmm(going * update, of_product[t], weight)
        of_weight = torch.einsum("tkbg,tkbh->kgh", of_product, h[:-1])
        of_bias_new = of_product[..., 2 * hidden :].sum((0, 2))
        return of_x, of_weight, of_x.sum((0, 2)), of_bias_new


def run(kind: str, layers: int, parameters: Parameters, x: Tensor) -> Tensor:
    """Return the last layer's states (T, K, B, H) for inputs (T, K, B, I)."""
    if kind == "lstm":
        return _lstms(layers, parameters, x)
    for layer in range(layers):
        x = _layer(kind, {n.removesuffix(f"_l{layer}"): p for n, p in parameters.items()}, x)
    return x


def _layer(kind: str, parameters: Parameters, x: Tensor) -> Tensor:
    from_x = torch.einsum("tkbi,kgi->tkbg", x, parameters["weight_ih"])
    weight, bias, bias_hh = (parameters[n] for n in ("weight_hh", "bias_ih", "bias_hh"))
    if kind != "gru":
        return PlainLayer.apply(from_x, weight, bias + bias_hh, kind == "relu")  # type: ignore[no-any-return,no-untyped-call]
    hidden = weight.shape[2]
    gates = torch.cat([bias_hh[:, : 2 * hidden], torch.zeros_like(bias_hh[:, :hidden])], 1)
    return GruLayer.apply(from_x, weight, bias + gates, bias_hh[:, 2 * hidden :])  # type: ignore[no-any-return,no-untyped-call]


def _lstms(layers: int, parameters: Parameters, x: Tensor) -> Tensor:
    """Run LSTMs one by one: oneDNN's kernel is faster than batched products."""
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    names = [f"{kind}_l{layer}" for layer in range(layers) for kind in kinds]
    hidden = parameters["weight_hh_l0"].shape[2]
    outputs = []
    for model in range(x.shape[1]):
        zero = x.new_zeros(layers, x.shape[2], hidden)
        weights = [parameters[name][model] for name in names]
        arguments = (weights, True, layers, 0.0, True, False, False)
        outputs.append(torch.lstm(x[:, model], (zero, zero), *arguments)[0])
    return torch.stack(outputs, 1)
