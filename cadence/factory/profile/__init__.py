"""What the experts of a model did on a pinned text, as sums from which every ranking follows."""
