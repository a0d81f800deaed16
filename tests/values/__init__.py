"""Tests of the layer `values`."""
