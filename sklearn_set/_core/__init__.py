"""The compiled cellar: kernels, the stepper, and integer work on topologies.  Not public."""
