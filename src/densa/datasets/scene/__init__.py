"""Drawing of the synthetic scene: plan, materials, shapes and layers."""
