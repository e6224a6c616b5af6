/* What this machine can do at best: arithmetic, streams of memory, and rows read at random.
 *
 * limits.py compiles and runs this program and reads what it prints, one figure a line:
 *
 *     peak THREADS flops-per-second LAP
 *     copy THREADS BYTES bytes-per-second LAP       bytes read plus bytes written
 *     gather THREADS FLOATS BYTES AHEAD seconds LAP per row of FLOATS numbers
 *
 * BYTES is the memory that all threads work in together; AHEAD is how many rows ahead software
 * prefetch asks for, 0 without it.  LAP is how long a word took through all threads right before
 * and right after, in seconds: whether they shared a cache.  Arguments: the numbers of threads to
 * measure with.
 *
 * A limit is what happens when nothing disturbs.  On a machine that has other work disturbances
 * last: every figure is measured several times, some seconds apart, and the best counts.  Each
 * time is a few short rounds, because long ones would share the processor with others.
 */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "probes.h"

enum {
    PASSES = 5,               /* over all figures */
    ROUNDS = 4,               /* of each figure in a pass */
    PEAK_STEPS = 1 << 20,
    COPIED_BYTES = 1 << 26,   /* at least, in a round */
    GATHERED_BYTES = 1 << 26, /* at most, in a round, of cache lines */
    LINE_BYTES = 64,
    MOST_ROWS = GATHERED_BYTES / LINE_BYTES,
    FAN_IN = 20,              /* connections of a neuron */
    AHEAD = 40,
    RING = 8,                 /* output rows that are written over and over */
    LAPS = 200,
};
#define HUGE_PAGE ((size_t)2 << 20)
#define KB ((size_t)1 << 10)
#define MB ((size_t)1 << 20)

static const size_t COPY_BYTES[] = {512 * KB, 2 * MB,  8 * MB,  16 * MB, 24 * MB,
                                    32 * MB,  48 * MB, 64 * MB, 256 * MB};
static const size_t TABLE_BYTES[] = {32 * KB, 256 * KB, MB, 8 * MB, 32 * MB, 64 * MB, 512 * MB};
#define LENGTH(array) (int)(sizeof(array) / sizeof((array)[0]))
#define LARGEST (512 * MB)

/* Vectors at addresses of rows, which are aligned to one number only. */
#define IN_ROW(n) __attribute__((vector_size(4 * (n)), aligned(4), may_alias))
typedef float lanes2 IN_ROW(2);
typedef float lanes8 IN_ROW(LANES < 8 ? LANES : 8);
typedef float lanes IN_ROW(LANES);

typedef struct {
    float *memory;
    size_t n_floats;          /* that all threads work in together */
    int repeats;
    const int32_t *rows;      /* of all rounds, so that no round finds its rows in a cache */
    const float *weights;
    int n_connections;        /* of one round */
    int round;
} Job;

typedef void (*Body)(const Job *job, int thread, int n_threads);

static volatile float sink;

/* Large pages where the system gives them, as NumPy asks for its own large arrays. */
static void *room(size_t n_bytes)
{
    n_bytes = (n_bytes / HUGE_PAGE + 1) * HUGE_PAGE;
    void *memory = aligned_alloc(HUGE_PAGE, n_bytes);
    if (memory == NULL) {
        fprintf(stderr, "no memory for %zu bytes\n", n_bytes);
        exit(1);
    }
#ifdef __linux__
    madvise(memory, n_bytes, MADV_HUGEPAGE);
#endif
    memset(memory, 0, n_bytes);
    return memory;
}

typedef struct { double seconds, lap; } Round;

/* A round of a body that all threads begin together: from the first to begin, in case another is
 * held up, to the last that ends. */
static Round timed(Body body, const Job *job, int n_threads)
{
    static _Alignas(128) atomic_int before;
    static _Alignas(128) atomic_int after;
    double began = HUGE_VAL, ended = 0, lap = 0;
    atomic_store(&before, 0);
    atomic_store(&after, 0);
    #pragma omp parallel num_threads(n_threads) reduction(min : began) reduction(max : ended, lap)
    {
        int thread = omp_get_thread_num(), n = omp_get_num_threads();
        lap = lap_of(&before, thread, n, LAPS);
        #pragma omp barrier
        began = now();
        body(job, thread, n);
        ended = now();
        lap = fmax(lap, lap_of(&after, thread, n, LAPS));
    }
    return (Round){ended - began, lap};
}

/* ------------------------------------------------------------------------------ arithmetic */

static void arithmetic(const Job *job, int thread, int n_threads)
{
    (void)thread, (void)n_threads;
    sink = multiply_add(job->repeats);
}

static void measure_peak(int n_threads)
{
    Job job = {.repeats = PEAK_STEPS};
    double flops = 2.0 * LANES * N_SUMS * PEAK_STEPS * n_threads;
    for (job.round = 0; job.round < ROUNDS; job.round++) {
        Round round = timed(arithmetic, &job, n_threads);
        printf("peak %d %.6g %.4g\n", n_threads, flops / round.seconds, round.lap);
    }
}

/* --------------------------------------------------------------------------------- streams */

/* From one half of a thread's share into the other.  With a factor, because compilers put a call
 * of memcpy in the place of a loop that only copies, and that one may go past the caches. */
static void copy(const Job *job, int thread, int n_threads)
{
    size_t half = job->n_floats / n_threads / 2 / (4 * LANES) * (4 * LANES);
    const wide *from = (const wide *)(job->memory + 2 * half * thread);
    wide *to = (wide *)(job->memory + 2 * half * thread + half);
    wide factor = (wide){0} + 1.5f;
    for (int repeat = 0; repeat < job->repeats; repeat++) {
        for (size_t i = 0; i < half / LANES; i += 4) {
            to[i] = from[i] * factor;
            to[i + 1] = from[i + 1] * factor;
            to[i + 2] = from[i + 2] * factor;
            to[i + 3] = from[i + 3] * factor;
        }
        __asm__ volatile("" ::: "memory");
    }
}

static void measure_copy(int n_threads, float *memory, size_t n_bytes)
{
    int repeats = (int)((COPIED_BYTES + n_bytes - 1) / n_bytes);
    Job job = {.memory = memory, .n_floats = n_bytes / sizeof(float), .repeats = repeats};
    double moved = (double)n_bytes * repeats;
    for (job.round = 0; job.round < ROUNDS; job.round++) {
        Round round = timed(copy, &job, n_threads);
        printf("copy %d %zu %.6g %.4g\n", n_threads, n_bytes, moved / round.seconds, round.lap);
    }
}

/* --------------------------------------------------------------------------------- gathers */

#define PRAGMA(text) _Pragma(#text)
#define UNROLL(n) PRAGMA(GCC unroll n)

static inline __attribute__((always_inline)) void ask_for(const float *row, const int n_floats)
{
    UNROLL(16) for (int i = 0; i < n_floats; i += LINE_BYTES / (int)sizeof(float))
        __builtin_prefetch(row + i);
}

/* Neuron by neuron: of every connection one row, times the weight, added to the neuron's sums.
 * CHAINS rows are in work at once, each with sums of its own.  The last vector of a row may reach
 * into the next one: half a vector more is cheaper than twice as many.  Of single numbers four are
 * in work, because of two the compiler makes the processor's own gather, which is slower. */
#define DEFINE_GATHER(NAME, FLOATS, TYPE, CHAINS, DISTANCE)                                     \
    static void NAME(const Job *job, int thread, int n_threads)                                 \
    {                                                                                           \
        enum { N = (FLOATS * sizeof(float) + sizeof(TYPE) - 1) / sizeof(TYPE) };                \
        const int share = job->n_connections / FAN_IN / n_threads;                              \
        const int first = share * thread, end = first + share;                                  \
        const float *table = job->memory;                                                       \
        const float *weights = job->weights + job->round * job->n_connections;                  \
        const int32_t *rows = job->rows + job->round * job->n_connections;                      \
        float ring[RING * FLOATS + LANES];                                                      \
        for (int neuron = first; neuron < end; neuron++) {                                      \
            TYPE sums[CHAINS][N];                                                               \
            memset(sums, 0, sizeof(sums));                                                      \
            for (int c = neuron * FAN_IN; c < (neuron + 1) * FAN_IN; c += CHAINS)               \
                UNROLL(4) for (int k = 0; k < CHAINS; k++) {                                    \
                    const TYPE *row = (const TYPE *)(table + (size_t)rows[c + k] * FLOATS);     \
                    if (DISTANCE)                                                               \
                        ask_for(table + (size_t)rows[c + k + DISTANCE] * FLOATS, FLOATS);       \
                    UNROLL(64) for (int i = 0; i < N; i++)                                      \
                        sums[k][i] += row[i] * weights[c + k];                                  \
                }                                                                               \
            TYPE *out = (TYPE *)(ring + neuron % RING * FLOATS);                                \
            UNROLL(64) for (int i = 0; i < N; i++) {                                            \
                out[i] = sums[0][i];                                                            \
                for (int k = 1; k < CHAINS; k++)                                                \
                    out[i] += sums[k][i];                                                       \
            }                                                                                   \
            __asm__ volatile("" : : "r"(ring) : "memory");                                      \
        }                                                                                       \
        sink = ring[0];                                                                         \
    }

#define DEFINE_GATHERS(FLOATS, TYPE, CHAINS)                        \
    DEFINE_GATHER(gather_##FLOATS, FLOATS, TYPE, CHAINS, 0)         \
    DEFINE_GATHER(prefetch_##FLOATS, FLOATS, TYPE, CHAINS, AHEAD)

DEFINE_GATHERS(1, float, 4)
DEFINE_GATHERS(2, lanes2, 2)
DEFINE_GATHERS(8, lanes8, 2)
DEFINE_GATHERS(32, lanes, 2)
DEFINE_GATHERS(128, lanes, 1)
DEFINE_GATHERS(200, lanes, 1)

static const struct {
    int n_floats;
    Body plain, ahead;
} GATHERS[] = {
    {1, gather_1, prefetch_1},       {2, gather_2, prefetch_2},
    {8, gather_8, prefetch_8},       {32, gather_32, prefetch_32},
    {128, gather_128, prefetch_128}, {200, gather_200, prefetch_200},
};

/* Row numbers by xorshift: fast, and random enough for memory. */
static void draw_rows(int32_t *rows, int n, uint64_t n_rows)
{
    uint64_t state = 88172645463325252u;
    for (int i = 0; i < n; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        rows[i] = (int32_t)((state >> 32) * n_rows >> 32);
    }
}

static void measure_gather(const int *threads, int n, float *memory, int32_t *rows,
                           const float *weights, int kind, size_t n_bytes)
{
    const int n_floats = GATHERS[kind].n_floats;
    const int row_bytes = n_floats * (int)sizeof(float);
    const int n_connections = GATHERED_BYTES / (row_bytes > LINE_BYTES ? row_bytes : LINE_BYTES);
    Job job = {.memory = memory, .rows = rows, .weights = weights, .n_connections = n_connections};
    draw_rows(rows, ROUNDS * n_connections + AHEAD, n_bytes / row_bytes);
    for (int k = 0; k < n; k++)
        for (int ahead = 0; ahead <= AHEAD; ahead += AHEAD) {
            Body body = ahead ? GATHERS[kind].ahead : GATHERS[kind].plain;
            int done = n_connections / FAN_IN / threads[k] * FAN_IN * threads[k];
            for (job.round = 0; job.round < ROUNDS; job.round++) {
                Round round = timed(body, &job, threads[k]);
                printf("gather %d %d %zu %d %.6g %.4g\n", threads[k], n_floats, n_bytes, ahead,
                       round.seconds / done, round.lap);
            }
        }
}

int main(int argc, char **argv)
{
    int threads[16], n = argc - 1 < 16 ? argc - 1 : 16;
    for (int k = 0; k < n; k++)
        threads[k] = atoi(argv[k + 1]);
    float *memory = room(LARGEST + sizeof(lanes));
    int32_t *rows = room((ROUNDS * MOST_ROWS + AHEAD) * sizeof(int32_t));
    float *weights = room((ROUNDS * MOST_ROWS + AHEAD) * sizeof(float));
    for (int pass = 0; pass < PASSES; pass++) {
        for (int k = 0; k < n; k++)
            measure_peak(threads[k]);
        for (int k = 0; k < n; k++)
            for (int size = 0; size < LENGTH(COPY_BYTES); size++)
                measure_copy(threads[k], memory, COPY_BYTES[size]);
        for (int kind = 0; kind < LENGTH(GATHERS); kind++) {
            for (int k = 0; k < n; k++)
                measure_peak(threads[k]);
            for (int size = 0; size < LENGTH(TABLE_BYTES); size++)
                measure_gather(threads, n, memory, rows, weights, kind, TABLE_BYTES[size]);
        }
    }
    return 0;
}
