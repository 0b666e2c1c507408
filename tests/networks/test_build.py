import pytest
import torch

from densa import networks
from densa.errors import InputError


@pytest.mark.parametrize("name", sorted(networks.NETWORKS))
@pytest.mark.parametrize("n_bands", [1, 13])
@pytest.mark.parametrize("n_classes", [1, 5])
def test_every_network_takes_any_bands_and_classes(name, n_bands, n_classes):
    network = networks.build(name, n_bands, n_classes, width=1).eval()
    height, width = network.input_side(9), network.input_side(40)
    with torch.no_grad():
        logits = network(torch.randn(1, n_bands, height, width))
    assert logits.shape == (1, n_classes, height - 2 * network.margin, width - 2 * network.margin)
    assert logits.shape[-2] >= 9
    assert logits.shape[-1] >= 40
    assert isinstance(network.output_stride, int)


def test_the_same_seed_gives_the_same_weights():
    weights = []
    for _ in range(2):
        torch.manual_seed(3)
        weights.append(networks.build("unet", 3, 2, width=2).state_dict())
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


def test_an_unknown_name_is_answered_by_the_nearest():
    with pytest.raises(InputError, match="did you mean segnet"):
        networks.build("segnit", 3, 2)
    with pytest.raises(InputError, match=r"choose from .*segnet, segnet-basic, unet"):
        networks.build("zzz", 3, 2)


def test_an_ensemble_is_put_together_not_trained():
    with pytest.raises(InputError, match="densa ensemble RUN RUN"):
        networks.build("ensemble", 3, 2)


def test_an_unknown_argument_is_named():
    with pytest.raises(InputError, match="no argument 'depth'; it has width"):
        networks.build("unet", 3, 2, depth=4)
