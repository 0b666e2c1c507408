"""Quick training on small labelled images."""

from densa.shallow import ShallowSettings, train_shallow

NAMES = ("ground", "bright", "checked")
QUICK = {"trees": 8, "samples": 1500, "scales": (1.0, 2.0), "region_size": 6, "patch": 5}


def train(images, method, *, seed=0, mean=(), std=(), **options):
    """A model of the three classes, trained quickly."""
    settings = ShallowSettings(**{**QUICK, **options})
    return train_shallow(images, method, len(images.pixels[0]), NAMES, settings, mean=mean, std=std, seed=seed)
