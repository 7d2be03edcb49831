"""What the hub costs: whole-process time and memory, as ratios against a baseline measured in the same run."""
