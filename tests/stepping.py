"""What a step has changed, for its tests."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

IRREGULAR = (16, 19, 1, 9, 3)


def values_of(network, optimizer):
    """All that a step may write, by name."""
    values = {}
    for depth, layer in enumerate(network.layers):
        values[f"weights {depth}"] = layer.weights
        values[f"biases {depth}"] = layer.bias
        for m in range(optimizer.n_moments):
            values[f"moment {m} of weights {depth}"] = optimizer.moments[depth][m]
            values[f"moment {m} of biases {depth}"] = optimizer.bias_moments[depth][m]
    return values


def assert_same_bits(left, right):
    assert left.keys() == right.keys()
    for name in left:
        assert left[name].tobytes() == right[name].tobytes(), name
