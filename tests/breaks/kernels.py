"""Breaks of the compiled step, which is built again for each."""

from breaks import near

BREAKS = [
    *near(
        "test_rows test_step test_gradient test_network",
        (
            "block_fill(&even, layer.bias[j])",
            "block_fill(&even, 0)",
            "no bias in the forward pass by output neuron",
        ),
        (
            "value = layer.bias[j] if half == 0 else 0",
            "value = layer.bias[j]",
            "the bias is added once for each half of the inputs",
        ),
        (
            "if indptr[i] < indptr[i + 1] and not silent[i]:",
            "if indptr[i] < indptr[i + 1] and not silent[i + 1]:",
            "where sums are near, another neuron is taken to be silent",
        ),
        (
            "if c < end: block_add_scaled(&even,",
            "if c + 1 < end: block_add_scaled(&even,",
            "the last of an odd number of connections is left out",
        ),
        (
            "rest[q] = weights[ahead] if k + q < end else 0",
            "rest[q] = weights[ahead]",
            "what fills up a group of four connections has a weight",
        ),
        (
            "block_dot(&x, rows[0]) if is_first else ( gradients[k] + block_dot(&x, rows[0]))",
            "block_dot(&x, rows[0])",
            "gradients of a wide batch are those of its last block",
        ),
        (
            "finite = finite and are_finite(layer.bias_moments[m], layer.n_out)",
            "pass",
            "moments of biases that overflow are not told of",
        ),
        (
            "gradients[k - flushed] = 0",
            "pass",
            "gradients of silent neurons are not reset",
        ),
        (
            "view.splits = view.t_splits = view.p_indptr = NULL",
            "pass",
            "networks that predict together are taken to be shared by threads in one way",
        ),
        (
            "end - begin, 0, 1)",
            "end - begin, rule.l2, 1)",
            "biases are penalised",
        ),
        (
            "return activation == RELU",
            "return activation == RELU or activation == LEAKY_RELU",
            "silent neurons of an activation with a slope at zero are skipped",
        ),
        (
            "below == NULL or zero_means_flat(below.activation)",
            "True",
            "silent neurons are skipped for every activation",
        ),
        (
            "row[b] = row[b] * kept_share(below.dropout)",
            "pass",
            "slopes of dropped outputs are taken where dropout has scaled them",
        ),
        (
            "drop(dropout_key, <uint32_t> i, below.dropout, sums, width)",
            "drop(dropout_key, <uint32_t> i + 1, below.dropout, sums, width)",
            "the backward pass drops the outputs of the neighbours",
        ),
        (
            "is_zero(outputs + j * 2, 2)",
            "is_zero(outputs + j * 2, 1)",
            "a neuron of two columns is silent if its first is zero",
        ),
        (
            "for b in range(8, width, 8):",
            "for b in range(16, width, 8):",
            "gradients of biases leave out columns 8 to 15",
        ),
        (
            "bits &= -(real_bits)(condition > 0);",
            "bits &= -(real_bits)(condition >= 0);",
            "relu has slope one at zero",
        ),
        (
            "SHUFFLE(c, d, 0, 2) + SHUFFLE(c, d, 1, 3)",
            "SHUFFLE(c, d, 0, 2) + SHUFFLE(c, d, 1, 2)",
            "sums of two lanes mix two connections",
        ),
        (
            "sum->v[i] += w[0] * x0; sum->v[i] += w[1] * x1;",
            "sum->v[i] += w[0] * x0; sum->v[i] += w[0] * x1;",
            "wide blocks take a wrong weight in the backward pass",
        ),
        (
            "AT(E, r3, i) = x3 + w[3] * a->v[i];",
            "AT(E, r3, i) = x3 + w[2] * a->v[i];",
            "the fourth of four outputs takes the third weight",
        ),
    ),
    *near(
        "test_rows test_gradient test_step",
        (
            "row[b] = row[b] * outputs[b] * (1 - outputs[b])",
            "row[b] = row[b] * outputs[b] * (1 + outputs[b])",
            "wrong sign in the slope of the logistic function",
        ),
        (
            "row[b] = row[b] * (1 - outputs[b] * outputs[b])",
            "row[b] = row[b] * (1 - outputs[b])",
            "the slope of tanh",
        ),
        (
            "slopes[b] = phi + z * real_exp(-0.5 * z * z)",
            "slopes[b] = phi - z * real_exp(-0.5 * z * z)",
            "wrong sign in the slope of gelu",
        ),
        (
            "slopes[b] = phi * (1 + z * (1 - phi))",
            "slopes[b] = phi * (1 + z * phi)",
            "the slope of silu",
        ),
        (
            "row[b] if outputs[b] > 0 else row[b] * (outputs[b] + 1)",
            "row[b] if outputs[b] > 0 else row[b] * outputs[b]",
            "the slope of elu below zero",
        ),
        (
            "slopes[b] = 1 if z > 0 else parameter",
            "slopes[b] = 1 if z > 0 else -parameter",
            "wrong sign in the slope of All-ReLU below zero",
        ),
        (
            "row[b] = 0 if row[b] < 0 else row[b]",
            "row[b] = row[b] if row[b] > 0 else 0",
            "relu makes zero of not-a-number",
        ),
        (
            "<uint32_t> step_number * 64 + layer % 64",
            "layer % 64",
            "the same dropout mask in every step",
        ),
        (
            "key = mix(key ^ mix(steps))",
            "pass",
            "masks repeat after 2**26 steps",
        ),
        (
            "if depth >= 63:",
            "if depth > 63:",
            "layer 63 has the mask of the features",
        ),
        (
            "cdef real_t scale = 1 / share",
            "cdef real_t scale = 1",
            "what dropout keeps is not scaled up",
        ),
        (
            "limit = (1 - share) * 4294967296.0",
            "limit = share * 4294967296.0",
            "dropout next to one keeps nearly all",
        ),
    ),
    *near(
        "test_optimizers test_step test_against_mlp",
        (
            "rate * (gradients[k] + l2 * weights[k])",
            "rate * (gradients[k] - l2 * weights[k])",
            "wrong sign of the penalty in plain SGD",
        ),
        ("if unknown:", "if False:", "a hyper-parameter that no update knows passes"),
        (
            "(momentum * v - rate * g)",
            "momentum * v",
            "Nesterov's step forgets the gradient",
        ),
        (
            "flushed(weights[k] * shrink + v, least_weight)",
            "flushed(weights[k] + v, least_weight)",
            "no weight decay with momentum",
        ),
        (
            "flushed(beta_1 * first[k] + (1 - beta_1) * g, least)",
            "beta_1 * first[k] + (1 - beta_1) * g",
            "subnormal first moments stay for ever",
        ),
        (
            "(1 - beta_2) * g * g",
            "(1 - beta_1) * g * g",
            "a wrong constant in Adam's second moment",
        ),
        (
            "(real_sqrt(second[k]) + adam_epsilon)",
            "real_sqrt(second[k] + adam_epsilon)",
            "Adam's constant inside the root",
        ),
        (
            "total += <double> values[k] * values[k]",
            "total += 0",
            "the penalty's sum of squares leaves out the last numbers",
        ),
    ),
    *near(
        "test_step test_losses test_gradient",
        (
            "(exp(value - largest) / total - 1) * scale",
            "(exp(value - largest) / total - 1)",
            "the delta of the true class is not scaled",
        ),
        (
            "return log(total) - product",
            "return log(total) + product",
            "wrong sign in the loss of soft targets",
        ),
        (
            "((1 if value >= 0 else small) / (1 + small) - target[j])",
            "((small if value >= 0 else 1) / (1 + small) - target[j])",
            "the logistic function the wrong way round",
        ),
        (
            "limit * (fabs(residual) - 0.5 * limit)",
            "limit * (fabs(residual) - limit)",
            "huber's loss jumps where it becomes linear",
        ),
        (
            "scale if residual > 0 else -scale if residual < 0 else residual",
            "scale if residual >= 0 else -scale",
            "absolute error pushes what is met exactly",
        ),
        (
            "slope = 1 - quantile if residual > 0 else -quantile if",
            "slope = quantile if residual > 0 else quantile - 1 if",
            "the other quantile",
        ),
        (
            "total += residual - y * distance",
            "total += residual + y * distance",
            "wrong sign in the Poisson deviance",
        ),
        (
            "if b >= batch.n_batch: return 0",
            "if b >= batch.n_batch: return 1e-30",
            "padding has deltas",
        ),
        (
            "if weight == 0:",
            "if weight < 0:",
            "an output that overflows in a sample of weight zero leaves a trace",
        ),
    ),
    *near(
        "test_step test_step_threads test_optimizers test_sample_weights test_input_dropout",
        (
            "if half == 0: work.stop = middle",
            "if half == 1: work.stop = middle",
            "the halves of listed connections change places",
        ),
        (
            "1 - learning_rate * self.weight_decay",
            "1 - self.weight_decay",
            "weight decay does not follow the learning rate",
        ),
        (
            "self.rule.l2 = self.alpha / expected",
            "self.rule.l2 = self.alpha / weight_sum",
            "the penalty is divided by the actual weight of a batch",
        ),
        (
            "max(n_counting, self.smallest_batch)",
            "n_counting",
            "small batches of a stream are penalised more",
        ),
        (
            "n_counting += self.batch.sample_weight[self.batch.rows[b]] > 0",
            "n_counting += 1",
            "samples of weight zero count for the penalty",
        ),
        (
            "0.5 * self.alpha * self.penalty",
            "self.alpha * self.penalty",
            "the reported penalty is doubled",
        ),
        (
            "self.penalty = 0 update_biases(",
            "update_biases(",
            "the sum of squares is not reset in a step",
        ),
        (
            "dropout if depth + 1 < self.n_layers else 0",
            "dropout",
            "dropout of output units",
        ),
        (
            "key = self.dropout_key(depth - 1, step_number)",
            "key = self.dropout_key(depth, step_number)",
            "the backward pass draws the mask of another layer",
        ),
        (
            "self.dropout_key(-1, step_number)",
            "self.dropout_key(0, step_number)",
            "features are dropped by the mask of the first layer",
        ),
    ),
    *near(
        "test_step test_probe test_scaling",
        (
            "+ b] += share * batch.csr_data[c]",
            "+ b] = share * batch.csr_data[c]",
            "of an entry in several parts the last counts",
        ),
        (
            "table[f * width + b] -= offset",
            "table[f * width + b] += offset",
            "wrong sign of the offset of features",
        ),
        (
            "batch.sample_weight[batch.rows[b]] == 0)",
            "batch.sample_weight[batch.rows[b]] < 0)",
            "samples of weight zero are read",
        ),
        (
            "halves_of(layer.topology, PREDICTED), n_threads))",
            "halves_of(layer.topology, passage.width), n_threads))",
            "digits of a prediction depend on how many are made at a time",
        ),
        (
            "for q in range(b, min(b + TILE, width)):",
            "for q in range(b, min(b + TILE, batch.n_batch)):",
            "padding columns of a batch are not set to zero",
        ),
        (
            "total += row[b] * other[b]",
            "total = row[b] * other[b]",
            "a probe forgets all samples but the last few",
        ),
        (
            "positions[n - 1] < inputs.shape[0] * n_out:",
            "positions[n - 1] <= inputs.shape[0] * n_out:",
            "a position behind the last is not refused",
        ),
        (
            "if not array.flags.c_contiguous:",
            "if False:",
            "arrays in another order are not refused",
        ),
    ),
    *near(
        "test_augmentation test_step",
        (
            "start), row_of_X(batch, batch.second[row], start),",
            "start), row_of_X(batch, batch.first[row], start),",
            "kernels mix samples with themselves",
        ),
        (
            "scatter_row(batch, batch.second[row], b, 1 - share, table)",
            "scatter_row(batch, batch.second[row], b, share, table)",
            "sparse samples are mixed by other shares",
        ),
        (
            "batch.connections[start] < batch.connections[stop]",
            "batch.connections[start] + 1 < batch.connections[stop]",
            "features of one connection are not read",
        ),
    ),
]
