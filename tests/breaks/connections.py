"""Breaks of compiled work on connections: topologies, pruning, draws, products."""

from breaks import near

BREAKS = [
    *near(
        "test_products test_probe test_augmentation test_input_dropout",
        (
            "total = total + v2 * r2[b]",
            "total = total + v1 * r2[b]",
            "a product takes the second of four numbers for the third",
        ),
        (
            "(n_columns * (c + 1) // n_parts)",
            "(n_columns * (c + 1) // n_parts - 1)",
            "threads leave out the last of their columns",
        ),
    ),
    *near(
        "test_topology test_growth test_splice test_probe",
        (
            "let_in(&place, base, n_out)",
            "let_in(&place, base, n_out + 1)",
            "a newcomer beyond the last output neuron",
        ),
        (
            "while place.rank < limit:",
            "if place.rank < limit:",
            "a third newcomer between two connections comes too late",
        ),
        (
            "n_held += keep[k] & ~comes_first",
            "n_held += 1 & ~comes_first",
            "pruned connections hold their positions",
        ),
        (
            "newborn[min(c, last)]",
            "newborn[0]",
            "all newcomers have the same weight",
        ),
        (
            "rows[c + 1] * n_out - kept[c + 1])",
            "rows[c + 1] * n_out - kept[c + 1] + 1)",
            "a rank behind the last free position is not refused",
        ),
        (
            "if grown[n_chunks] != newborn.shape[0]:",
            "if grown[n_chunks] > newborn.shape[0]:",
            "too many newborn values are not refused",
        ),
        (
            "splits[n_splits, i] = indptr[i + 1]",
            "splits[n_splits, i] = <int32_t> k",
            "threads leave out the connections of the last part",
        ),
        (
            "places_array[:, :n_splits] = (ends - counts).T",
            "places_array[:, :n_splits] = (ends - counts.max()).T",
            "lists of parts overlap",
        ),
    ),
    *near(
        "test_pruning test_topology",
        (
            "+ (value < 0) * <int32_t> N_DIGITS",
            "+ (value <= 0) * <int32_t> N_DIGITS",
            "zero counts as negative",
        ),
        (
            "bits = min(bits, <uint32_t> INFINITE)",
            "pass",
            "not-a-number is larger than infinity",
        ),
        (
            "<int64_t> (share * (n - n_positive))",
            "<int64_t> (share * (n - n_positive) + 0.5)",
            "one negative number too many may be left out",
        ),
        (
            "n_drop[0] = at_most * n_drop[0] // total",
            "n_drop[0] = at_most",
            "positive connections alone are pruned in a layer that is nearly full",
        ),
        (
            "keep[choices[k].place] = 0",
            "keep[choices[n - 1 - k].place] = 0",
            "of equal numbers the last ones go first",
        ),
        (
            "keep[start + k] = digits >= limit",
            "keep[start + k] = digits > limit",
            "all with the digits of the threshold are left out",
        ),
        (
            "differing |= choices[k].size ^ choices[0].size",
            "differing = choices[k].size ^ choices[0].size",
            "digits in which only some numbers differ are not compared",
        ),
        (
            "keep[choice.place] = own >= digit",
            "keep[choice.place] = own != digit",
            "numbers whose next digit is nearer are kept",
        ),
    ),
    *near(
        "test_draws test_topology",
        (
            "n_distinct += n_distinct == 0 or value != last",
            "n_distinct += 1",
            "draws that are equal count twice",
        ),
        (
            "state = next_bits(&state) ^ seed",
            "state = seed",
            "all parts draw the same numbers",
        ),
        (
            "while i > 0 and ordered[i - 1] > value:",
            "while False:",
            "numbers of the same leading bits are not sorted",
        ),
        (
            "return high * other_high + (middle >> 32) + (rest >> 32)",
            "return high * other_high + (middle >> 32)",
            "draws from a huge range are cut",
        ),
        (
            "result[before + k - skipped] = drawn[start + k]",
            "result[before + k - skipped] = drawn[start]",
            "the draws that stay are others",
        ),
    ),
]
