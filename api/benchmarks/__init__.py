"""What `minsheng bench` measures: one module per benchmark, each beside the usual way in the same run."""
