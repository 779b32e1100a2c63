"""A simulated city: invented places, orders with a known truth."""
