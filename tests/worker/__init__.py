"""Tests of the layer `worker`, on real worker processes."""
