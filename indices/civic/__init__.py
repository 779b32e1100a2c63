"""What the records say: hotspots, satisfaction, dispatch."""
