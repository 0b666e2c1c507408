"""What descriptors of pixels and of regions share: checks of parameters, threads."""
