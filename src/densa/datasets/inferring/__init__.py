"""What masks without a legend say of their classes: known colours and names, numbered objects, shares of pixels."""
