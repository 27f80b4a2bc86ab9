"""What parts keep beyond training follows the weights, whoever changes them, and agrees with what training computes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from threading import Thread

import pytest
import torch
from torch import Tensor, nn

from isthmus.parts.backbones.axes import Resized, convolution, up
from isthmus.parts.backbones.buffers import Buffers
from isthmus.parts.backbones.dense import Dense
from isthmus.training.flat import Flat

KEEPERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "dense": (lambda: Dense((5, 7, 3)), (4, 5)),
    "resized": (lambda: up("resize", (7, 6), 3, 2, 3, True)[0], (4, 3, 4, 3)),
    "convolution": (lambda: convolution(2, 3, 2, 3), (4, 3, 6, 5)),
}


@pytest.fixture(params=KEEPERS)
def keeper(request: pytest.FixtureRequest) -> tuple[nn.Module, Tensor]:
    """A part in evaluation that has answered once, and what it answers to."""
    make, shape = KEEPERS[request.param]
    part, x = make().eval(), torch.randn(shape, generator=torch.Generator().manual_seed(0))
    evaluated(part, x)
    return part, x


def evaluated(part: nn.Module, x: Tensor) -> Tensor:
    """What it answers where nothing passes back."""
    with torch.inference_mode():
        return part(x).clone()  # type: ignore[no-any-return]


def check(part: nn.Module, x: Tensor) -> None:
    """Training and evaluation agree."""
    torch.testing.assert_close(evaluated(part, x), part(x).detach(), rtol=1e-5, atol=1e-5)


def test_it_answers_as_training_does(keeper: tuple[nn.Module, Tensor]) -> None:
    check(*keeper)


def test_it_follows_a_change_in_place(keeper: tuple[nn.Module, Tensor]) -> None:
    part, x = keeper
    with torch.no_grad():
        for weight in part.parameters():
            weight.mul_(2)
    check(part, x)


def test_it_follows_a_state_that_is_loaded(keeper: tuple[nn.Module, Tensor]) -> None:
    part, x = keeper
    part.load_state_dict({name: 3 * value for name, value in part.state_dict().items()})
    check(part, x)


def test_it_follows_steps_in_a_flat_buffer(keeper: tuple[nn.Module, Tensor]) -> None:
    part, x = keeper
    flat = Flat([part], 1)
    for _ in range(2):  # the second time it has answered between two steps, as for a validation
        flat.weights.add_(0.1)
        part.train()
        part.eval()
        check(part, x)
    flat.release()
    check(part, x)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda part: pickle.loads(pickle.dumps(part))])
def test_a_copy_keeps_its_own(keeper: tuple[nn.Module, Tensor], copied: Callable[[nn.Module], nn.Module]) -> None:
    part, x = keeper
    other, expected = copied(part), evaluated(part, x)
    assert torch.equal(evaluated(other, x), expected)
    with torch.no_grad():
        next(other.parameters()).mul_(2)
    check(other, x)
    assert torch.equal(evaluated(part, x), expected)


def test_a_kernel_is_not_made_again_for_every_row() -> None:
    part = up("resize", (8, 8), 3, 2, 3, True)[0].eval()
    assert isinstance(part, Resized)
    evaluated(part, torch.zeros(1, 3, 4, 4))
    part.register_buffer("spread", torch.full_like(part.spread, torch.nan))
    assert not evaluated(part, torch.zeros(1, 3, 4, 4)).isnan().any()


def test_one_image_has_the_bits_of_the_first_of_many() -> None:
    part, x = convolution(2, 8, 16, 3).eval(), torch.randn(5, 8, 9, 9)
    assert torch.equal(evaluated(part, x[:1]), evaluated(part, x)[:1])


def test_each_thread_has_buffers_of_its_own() -> None:
    pool, seen = Buffers((3,)), list[bool]()
    mine = pool.take(4, torch.float32)
    pool.give(mine)

    def other() -> None:
        theirs = pool.take(4, torch.float32)
        seen.append(theirs[0] is mine[0])

    thread = Thread(target=other)
    thread.start()
    thread.join()
    assert seen == [False]
    assert pool.take(4, torch.float32)[0] is mine[0]


@pytest.mark.parametrize("size", [(8, 6), (7, 5)])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("kernel_size", [3, 5])
def test_a_resized_image_is_that_of_the_doubled_one(size: tuple[int, int], channels: int, kernel_size: int) -> None:
    part = up("resize", size, 4, channels, kernel_size, True)[0]
    assert isinstance(part, Resized)
    x = torch.randn(3, 4, 4, 3, requires_grad=True)
    expected = part.layer(nn.functional.interpolate(x, scale_factor=2))[:, :, : size[0], : size[1]]
    torch.testing.assert_close(part(x), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(evaluated(part.eval(), x.detach()), expected.detach(), rtol=1e-4, atol=1e-5)


def test_without_the_library_nothing_is_packed(
    monkeypatch: pytest.MonkeyPatch, keeper: tuple[nn.Module, Tensor]
) -> None:
    monkeypatch.setattr("isthmus.parts.backbones.packed._IS_THERE", False)
    part, x = copy.deepcopy(keeper[0]), keeper[1]
    check(part, x)
