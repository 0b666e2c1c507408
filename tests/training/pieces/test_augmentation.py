import math
from dataclasses import replace

import pytest
import torch
from torch.testing import assert_close

from densa.errors import InputError
from densa.training.pieces.augmentation import augment, draw, elastic_field
from densa.training.settings import Augmentation

ALL = Augmentation.flips(quarter_turns=True, rotation=30, scale=0.3, elastic=3, gain=0.2, offset=0.3, gamma=0.2)


def _patches(n=4, side=33, bands=2, seed=0):
    """Smooth images in band units, a label map of blocks with ignored pixels, weights that repeat the labels."""
    g = torch.Generator().manual_seed(seed)
    images = torch.nn.functional.interpolate(torch.randn(n, bands, 5, 5, generator=g), (side, side), mode="bicubic")
    labels = torch.randint(0, 3, (n, 1, side, side), generator=g).float()
    labels[:, :, :4, 10:20] = 255
    return images, torch.cat([labels, labels * 2 + 1], dim=1)


def _apply(settings, images, maps, valid=None, step=0, seed=1):
    return augment(images, maps, draw(settings, len(images), images.shape[1], seed=seed, step=step), settings, valid)


def test_nothing_asked_nothing_done():
    images, maps = _patches()
    after, carried, _ = _apply(Augmentation.none(), images, maps)
    assert torch.equal(after, images)
    assert torch.equal(carried, maps)


def test_resampling_by_the_identity_changes_nothing():
    images, maps = _patches()
    settings = replace(Augmentation.none(), rotation=1e-9)
    after, carried, _ = _apply(settings, images, maps)
    assert_close(after, images, atol=1e-4, rtol=1e-4)
    assert torch.equal(carried, maps)


def test_flips_and_turns_reach_all_eight_and_move_labels_with_images():
    image = torch.arange(12.0).reshape(1, 1, 3, 4)[..., :3].expand(64, 1, 3, 3).contiguous()
    settings = replace(Augmentation.flips(), quarter_turns=True)
    after, carried, _ = _apply(settings, image, image.clone())
    assert torch.equal(after, carried)
    assert len({tuple(x.ravel().tolist()) for x in after}) == 8


def test_quarter_turns_alone_are_turns():
    image = torch.arange(9.0).reshape(1, 1, 3, 3).expand(64, 1, 3, 3).contiguous()
    settings = replace(Augmentation.none(), quarter_turns=True)
    after, _, _ = _apply(settings, image, image.clone())
    turns = {tuple(torch.rot90(image[0, 0], k).ravel().tolist()) for k in range(4)}
    assert {tuple(x.ravel().tolist()) for x in after} == turns


@pytest.mark.parametrize("settings", [replace(ALL, gain=0, offset=0, gamma=0), replace(ALL, quarter_turns=False)])
def test_image_and_labels_go_through_the_same_field(settings):
    """Labels that say which half-plane of a smooth image a pixel is in still say so afterwards."""
    settings = replace(settings, gain=0, offset=0, gamma=0)
    images, _ = _patches(side=65)
    labels = (images[:, :1] > 0).float()
    after, carried, _ = _apply(settings, images, labels)
    clear = after[:, :1].abs() > 0.3  # farther from the border than nearest neighbour can miss
    assert clear.float().mean() > 0.5
    assert torch.equal((after[:, :1] > 0)[clear], (carried > 0.5)[clear])
    assert not torch.equal(carried, labels)


def test_weights_follow_labels_and_ignored_stays_ignored():
    images, maps = _patches()
    _, carried, _ = _apply(ALL, images, maps)
    labels, weights = carried[:, 0], carried[:, 1]
    assert set(labels.unique().tolist()) == {0, 1, 2, 255}
    assert torch.equal(weights, labels * 2 + 1)


def test_invalid_pixels_stay_invalid_and_zero():
    images, maps = _patches()
    valid = maps[:, 0] != 255
    after, carried, still = _apply(ALL, images * valid[:, None], maps, valid)
    assert torch.equal(still, carried[:, 0] != 255)
    assert (after[(~still)[:, None].expand_as(after)] == 0).all()
    assert (~still).any()


def test_rotation_by_hand():
    """A quarter turn as a free rotation is `rot90`, up to interpolation."""
    images, maps = _patches(n=1)
    settings = replace(Augmentation.none(), rotation=90)
    drawn = draw(settings, 1, 2, seed=0, step=0)
    drawn = replace(drawn, angle=torch.tensor([math.pi / 2]))
    after, carried, _ = augment(images, maps, drawn, settings)
    direction = 1 if torch.equal(carried, torch.rot90(maps, 1, (2, 3))) else -1
    assert_close(after, torch.rot90(images, direction, (2, 3)), atol=1e-3, rtol=1e-3)
    assert torch.equal(carried, torch.rot90(maps, direction, (2, 3)))


def test_scale_magnifies_about_the_centre():
    maps = torch.zeros(1, 1, 41, 41)
    maps[:, :, 15:26, 15:26] = 1  # 11 x 11
    settings = replace(Augmentation.none(), scale=1.0)
    drawn = replace(draw(settings, 1, 1, seed=0, step=0), zoom=torch.tensor([2.0]))
    _, carried, _ = augment(maps.clone(), maps, drawn, settings)
    assert carried.sum() == 21 * 21  # pixels -5..5 of the source are read from -10..10


def test_elastic_displacements_are_those_of_the_paper():
    settings = replace(Augmentation.none(), elastic=10)
    control = draw(settings, 3000, 1, seed=0, step=0).control
    assert control.abs().mean().item() == pytest.approx(10 * math.sqrt(2 / math.pi), rel=0.01)
    field = elastic_field(control[:8], 65, 97)
    assert_close(field[:, :, ::32, ::48], control[:8], atol=1e-4, rtol=1e-4)
    assert field.diff(dim=-1).abs().max() < 3  # smooth: px per px


def test_colour_in_units_of_the_band():
    images, maps = torch.tensor([-2.0, 0, 1, 5]).reshape(1, 1, 1, 4), torch.zeros(1, 1, 1, 4)
    settings = replace(Augmentation.none(), gain=0.5, offset=0.5)
    drawn = draw(settings, 1, 1, seed=0, step=0)
    after, _, _ = augment(images, maps, drawn, settings)
    assert_close(after, images * drawn.gain + drawn.offset)
    assert 0.5 <= drawn.gain <= 1.5
    settings = replace(Augmentation.none(), gamma=1)
    drawn = replace(draw(settings, 1, 1, seed=0, step=0), gamma=torch.tensor([[2.0]]))
    after, _, _ = augment(images, maps, drawn, settings)
    # (share^2 - 0.5^2) of a range of 8; the mean stays, what lies beyond the range moves with its end.
    assert_close(after.ravel(), torch.tensor([8 * (0.25**2 - 0.25), 0, 8 * (0.625**2 - 0.25), 8 * 0.75 + 1]))


def test_draw_depends_on_seed_and_step_alone():
    first, again = draw(ALL, 6, 3, seed=5, step=9), draw(ALL, 6, 3, seed=5, step=9)
    assert torch.equal(first.control, again.control)
    assert torch.equal(first.part(2, 4).angle, again.angle[2:4])
    for seed, step in ((5, 10), (6, 9), (9, 5)):
        assert not torch.equal(first.angle, draw(ALL, 6, 3, seed=seed, step=step).angle)


def test_refusals():
    with pytest.raises(InputError, match="rotation must be greater than or equal to 0"):
        Augmentation.flips(rotation=-1)
    with pytest.raises(InputError, match="gain must be less than 1"):
        Augmentation.flips(gain=1)
    with pytest.raises(InputError, match="square"):
        _apply(replace(ALL, quarter_turns=True), torch.zeros(1, 1, 4, 6), torch.zeros(1, 1, 4, 6))
