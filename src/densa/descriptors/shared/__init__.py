"""What descriptors of pixels and of regions share: threads, parts of stacks."""
