"""Reading ground truth: the plain layout and the label files of the public benchmarks."""
