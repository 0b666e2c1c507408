"""The demonstration in seconds: a small network for a few steps, two trees, a photograph of 64 x 64 pixels."""


def make_demo_quick(monkeypatch):
    """Replace what takes minutes."""
    from skimage import data

    from densa.verbs import demo as verb

    train, photo = verb.train, data.astronaut()[::8, ::8]

    def quick(*arguments, **options):
        network = options["model"] == "unet"
        return train(*arguments, **options | ({"width": 2, "steps": 3, "patch_size": 32} if network else {"trees": 2}))

    monkeypatch.setattr(verb, "train", quick)
    monkeypatch.setattr(data, "astronaut", lambda: photo.repeat(2, axis=0).repeat(2, axis=1))
