"""The numbers that measurements of time decided: thresholds, widths, sizes of parts.

A wrong one costs time, never a right result.  Some decide the order of additions too, and with it
the last digits; they say so.  Each stands under the command that shows what it is worth, where
`$ compare.py` is `python tests/benchmarks/compare.py`: change the number, and run it.  compare.py
builds the working tree and the last commit, and lets them take turns; the other commands are run
before and after.

Knows nothing.  Not here: what registers allow (lanes.h), when threads pay (pace.pxi), how much
memory may be taken.
"""

cpdef enum:
    # ------------------------------------------------------------- the way of a forward pass
    # Up to this width a step goes forward by input neuron.  Changes last digits.
    # $ compare.py HEAD --workloads W1,W2 --batches 16,32,64 --threads 1
    BY_INPUT = 32
    # A layer is summed in halves up to so many sums, which the second-level cache holds; up to
    # so many, which the third holds, where input neurons have few connections.  Not at all where
    # output neurons have fewer than the last number.  All of them change last digits.
    # $ compare.py HEAD --force-threads --workloads W2,W3 --batches 2,8,32 --threads 1,2
    CACHED_SUMS = 1 << 18
    NEAR_SUMS = 1 << 20
    FEW_OUTPUTS_OF_INPUT = 32
    FEWEST_INPUTS_OF_OUTPUT = 8
    # The width that predictions are taken to have.  Changes last digits.
    # $ bench_predict.py --workloads W1,W2 --samples 1,8,64
    PREDICTED = 8
    # Samples predicted at a time: wide enough for full speed, narrow enough for a million neurons.
    # $ bench_predict.py --workloads W1,W2 --samples 64,512
    PREDICT_WIDTH = 64

    # -------------------------------------------------------- widest blocks, in numbers of a row
    # Where the sums of a block are all that registers hold.  Both change last digits.
    # $ compare.py HEAD --workloads W1,W2 --batches 64,128 --threads 1
    WIDEST_BY_OUTPUT = 128
    WIDEST_BACKWARD = 64
    # Where every connection reads and writes, and of rows that are one block, which have loops over
    # the neurons for themselves.
    # $ compare.py HEAD --workloads W1,W2 --batches 24,32 --threads 1
    WIDEST_BY_INPUT = 32
    WIDEST_ROW = 32

    # ------------------------------------------------------------------ work that is worth threads
    # A pass over fewer connections x (width + 16), some five microseconds, stays serial: waking
    # threads that wait costs half a microsecond, but one that another program has displaced
    # milliseconds.
    # $ compare.py HEAD --force-threads --workloads W1,W5 --batches 2 --threads 2
    SERIAL_WORK = 100_000
    WORK_BESIDE_WIDTH = 16
    # The same of reading a batch, in numbers: they come from memory that is farther away.
    # $ compare.py HEAD --force-threads --workloads W1 --batches 2,4,8 --threads 2
    SERIAL_GATHER = 12_000
    # Activating fewer outputs takes less time than threads need to meet once more.
    # $ compare.py HEAD --force-threads --workloads W1 --batches 4,8,16 --threads 2
    SERIAL_FINISH = 1 << 14
    # The same of the loss, in outputs of all samples; a thread takes so many samples, whose outputs
    # fill whole cache lines.
    # $ compare.py HEAD --force-threads --workloads W1,W5 --batches 32,128 --threads 1,2
    SERIAL_LOSS = 512
    LOST_COLUMNS = 16
    # Connections of an evolution for each thread, and numbers that are compared in it.
    # $ bench_step.py --force-threads --workloads W5 --batches 2 --threads 1,2 --no-limits
    SERIAL_CONNECTIONS = 16_000
    # Products of two numbers, for the probes of an evolution.
    # $ bench_fit.py W5,32 --growth guided
    SERIAL_PRODUCTS = 100_000
    # Connections x (samples and 16 for each block of them) that one thread predicts within about a
    # millisecond, as long as threads may have to wait for another program.
    # $ bench_predict.py --estimators --busy
    SERIAL_PREDICTION = 1 << 24

    # ------------------------------------------------------------------ parts that work is cut into
    # Connections and neurons of a chunk, which one thread takes at a time, and the most chunks.
    # Both change last digits: squares are added by chunk.
    # $ compare.py HEAD --force-threads --workloads W1,W4 --batches 2,32 --threads 1,2
    CHUNK_WORK = 1024
    MAX_CHUNKS = 256
    # The same of output neurons, in smaller pieces: nothing is done once for each.
    # $ bench_threads.py W5,128 --threads 1,16
    T_CHUNK_WORK = 512
    # Connections of an input neuron with each thread's part of the outputs, below which the
    # connections of a part are listed: loops that are shorter end before the processor expects it.
    # $ bench_threads.py W1,32 W2,32 W3,32 --threads 1,4,8,16
    LISTED_RUN = 8
    # Output neurons whose activation is computed in one go.
    # $ compare.py HEAD --workloads W1,W2 --batches 2,32 --threads 1
    FINISHED_ROWS = 64
    # Features whose part of the batch is transposed in one go, small enough for the first cache.
    # $ compare.py HEAD --workloads W1,W3 --batches 32,128 --threads 1
    FEATURES = 128
    # Of those, features are read one by one where one in so many has connections.
    # $ finding.py --families linear_3000 --methods SET
    FEW_CONNECTED = 16
    # Gradients wait in a buffer until so many neighbouring slots can be updated together.  Changes
    # last digits: squares are added by run.
    # $ compare.py HEAD --workloads W1,W2 --batches 2 --solvers sgd,adam --threads 1
    FLUSH_SLOTS = 512
    # Positions whose gradients are computed in one go.
    # $ bench_fit.py W2,2 --growth guided
    CANDIDATES = 1024
    # Numbers that pruning compares in one go, by vector instructions.
    # $ bench_step.py --workloads W2,W4 --batches 2 --threads 1 --no-limits
    COMPARED = 1024
    # Random numbers that are drawn and sorted at a time, near the processor.  Another number draws
    # another topology.
    # $ bench_step.py --workloads W2,W4 --batches 2 --threads 1 --no-limits
    DRAWS_IN_A_PART = 1 << 12
    # Numbers that are drawn as doubles or added up at a time: half a megabyte.
    # $ bench_step.py --workloads W2,W4 --batches 2 --threads 1 --no-limits
    AT_ONCE = 1 << 16

    # ----------------------------------------------------------------------------- prefetching
    # Tables beyond the second-level cache are prefetched so many connections ahead: pays a quarter
    # there, costs inside it.
    # $ compare.py HEAD --workloads W2,W3 --batches 32,128 --threads 1
    PREFETCH_DISTANCE = 32
    PREFETCH_TABLE_BYTES = 1 << 20
    # Where rows are short enough for the first cache to hold more of them on their way, and memory
    # is farther than the third one: takes a third less time.
    # $ compare.py HEAD --workloads W4 --batches 8,32 --threads 1
    FAR_DISTANCE = 72
    FAR_TABLE_BYTES = 1 << 24
    SHORTEST_FAR = 8
    LONGEST_FAR = 32
    # Sums that are read and written for every connection: from half of that.
    # $ compare.py HEAD --workloads W2 --batches 2,4,8 --threads 1
    PREFETCH_SUMS_BYTES = 1 << 19
    # The input neurons of a part of the outputs, whose rows other threads have written.
    # $ bench_threads.py W1,32 W2,2 W2,8 W2,32 --threads 1,4,8
    PARTED_AHEAD = 14
    # What threads have written, where the connections of a part are listed.
    # $ bench_threads.py W1,32 W2,32 W3,32 --threads 1,4,8,16
    LISTED_AHEAD = 32
    # The rows of the neurons themselves come in order, and few ahead are enough; more where they
    # are about to be filled, for another processor may hold them.
    # $ compare.py HEAD --force-threads --workloads W2,W4 --batches 32 --threads 1,2
    ROWS_AHEAD = 4
    FILLED_AHEAD = 16
    # Slots beyond the second-level cache, of which silent neurons leave gaps, are prefetched too.
    # $ compare.py HEAD --workloads W2,W3 --batches 2 --threads 1
    STREAM_AHEAD = 256
    STREAMED_SLOTS = 1 << 18
    # What the update will read, so many slots ahead of the gradients.
    # $ compare.py HEAD --workloads W2 --batches 2,32 --solvers sgd,adam --threads 1
    UPDATED_AHEAD = 64

    # -------------------------------------------------------------------------------- export
    # Percent of the positions, from which on onnxruntime is quicker with a dense layer: there one
    # connection of a sparse layer takes as long as some fifty positions.  Changes last digits.
    # $ bench_export.py
    DENSE_PERCENT = 2
