"""Networks trained to classify images, as encoders: images to a pyramid of features, or to the deepest one."""
