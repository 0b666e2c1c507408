"""What descriptors of pixels and of regions share: parts of stacks."""
