"""Networks that are trained side by side learn what each of them would learn alone."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.func import functional_call

import stepzero_rnn
from validation.cells import run
from validation.groups import DEEP, LONG, SHORT, Group
from validation.results import load, path_of, train_missing
from validation.starts import network, starts
from validation.tasks import TASKS
from validation.training import RATES, SEEDS, WINDOWS, Trained, specs, train

KINDS = ("lstm", "gru", "tanh", "relu")
STEPS, MODELS, COUNT, INPUTS, HIDDEN = 7, 3, 4, 2, 5


def built(kind: str, layers: int) -> list[torch.nn.RNNBase]:
    """Return modules of different starts."""
    sizes = {"input_size": INPUTS, "hidden_size": HIDDEN, "num_layers": layers}
    return [stepzero_rnn.build({**network(kind), **sizes, "seed": s}) for s in range(MODELS)]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_states_and_gradients_equal_those_of_the_modules(kind: str, layers: int) -> None:
    modules = built(kind, layers)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(STEPS, MODELS, COUNT, INPUTS, generator=generator, dtype=torch.float64)
    direction = torch.randn(STEPS, MODELS, COUNT, HIDDEN, generator=generator, dtype=torch.float64)
    each = [{n: p.detach().double() for n, p in m.named_parameters()} for m in modules]
    stacked = {n: torch.stack([one[n] for one in each]).requires_grad_() for n in each[0]}
    alone = {n: p.detach().clone().requires_grad_() for n, p in stacked.items()}

    states = run(kind, layers, stacked, x)
    torch.autograd.backward((states * direction).sum())
    expected = torch.stack(
        [
            functional_call(m.double(), {n: p[k] for n, p in alone.items()}, (x[:, k],))[0]
            for k, m in enumerate(modules)
        ],
        1,
    )
    torch.autograd.backward((expected * direction).sum())

    torch.testing.assert_close(states, expected, rtol=1e-10, atol=1e-12)
    for name, own in stacked.items():
        torch.testing.assert_close(own.grad, alone[name].grad, rtol=1e-9, atol=1e-11, msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_sixteen_different_starts(kind: str) -> None:
    sizes = {"input_size": INPUTS, "hidden_size": HIDDEN, **network(kind)}
    each = starts(kind, 50)

    recipes = {stepzero_rnn.plan({**sizes, "init": init}).recipe for init in each.values()}

    assert len(each) == len(recipes) == 16


def test_no_group_is_listed_twice() -> None:
    groups = (*SHORT, *LONG, *DEEP)

    assert len({path_of(group, Path()) for group in groups}) == len(groups)


def constant(task: str, targets: Tensor) -> Tensor:
    """Return the outputs of the best answer that ignores the input."""
    models = 1
    match task:
        case "adding":
            return torch.ones(models, len(targets), 1)
        case "local":
            return torch.zeros(targets.shape[1], models, len(targets), 1)
        case _:
            return torch.zeros(models, len(targets), TASKS[task].outputs)


@pytest.mark.statistical
@pytest.mark.parametrize("name", TASKS)
def test_a_baseline_is_the_loss_of_the_best_answer_that_ignores_the_input(name: str) -> None:
    task, count = TASKS[name], 20_000
    inputs, targets = task.draw(torch.Generator().manual_seed(0), 30, count)

    loss = task.loss(constant(name, targets), targets[None]).item()

    # Squares of single sequences are at most 2.25 and 0.2 on average, so their standard deviation
    # is below sqrt(2.25 · 0.2) < 0.7: five standard errors.  Cross-entropies of equal outputs are
    # exact.
    assert inputs.shape == (30, count, task.inputs)
    assert loss == pytest.approx(task.baseline, abs=5 * 0.7 / count**0.5)


def test_recall_asks_for_the_first_three_symbols() -> None:
    inputs, targets = TASKS["recall"].draw(torch.Generator().manual_seed(0), 10, 6)

    assert inputs[:3].argmax(2).T.tolist() == targets.tolist()
    assert set(inputs[3:].argmax(2).flatten().tolist()) == {4}


def test_digits_are_shown_by_pixel() -> None:
    inputs, targets = TASKS["digits"].draw(torch.Generator().manual_seed(0), 64, 6)

    assert inputs.shape == (64, 6, 1)
    assert set(targets.tolist()) <= set(range(10))


def test_gains_are_one_minus_the_mean_relative_loss_and_divergence_gains_nothing() -> None:
    models = [model for model in train(TINY).models if model.start == "pytorch"]
    windows = torch.tensor([[0.5] * 5 + [torch.nan], [0.25] * 5 + [3.0]])
    trained = Trained(models, windows, torch.zeros(6))

    gains = trained.gains()["pytorch"]

    assert gains == {RATES[0]: [0.625] * 3, RATES[1]: [0.625, 0.625, 0.0]}


TINY = Group("tanh", "recall", 5, 2, hidden_size=4)


def test_a_group_trains_every_start_with_every_rate_and_seed() -> None:
    trained = train(TINY)

    assert len(trained.models) == 16 * len(RATES) * len(SEEDS)
    assert trained.windows.shape == (min(WINDOWS, TINY.steps), len(trained.models))
    assert [*trained.gains()] == [*specs(TINY, 0)]


def test_a_group_that_has_results_is_not_trained_again(tmp_path: Path) -> None:
    assert [*train_missing([TINY], tmp_path)] == [TINY]
    first = load(TINY, tmp_path)

    assert [*train_missing([TINY], tmp_path)] == []
    assert load(TINY, tmp_path) == first
