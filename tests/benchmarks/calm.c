/* What the processors can do right now: arithmetic, and words passed from one to the next.  And
 * threads that keep them awake.
 *
 * calm.py compiles this as a library.  Threads of its own, because the programs that are measured
 * bring OpenMP runtimes of different makes.
 */
#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#endif
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

/* Independent sums that keep the multiply-add units busy, and still fit the registers. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define N_SUMS 16
#else
#define N_SUMS 12
#endif

enum { STEPS = 1 << 16, LAPS = 500, MOST_THREADS = 256 };

typedef float wide __attribute__((vector_size(4 * LANES)));

static _Alignas(128) atomic_int held;
static int n_holders;
static pthread_t holders[MOST_THREADS];

typedef struct {
    int number, n_threads, processor;   /* processor: -1 for any */
    atomic_int *ready, *turn;
    double arithmetic, lap;
    float sum;
} Worker;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void bind(int processor)
{
#ifdef __linux__
    if (processor < 0)
        return;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
#else
    (void)processor;
#endif
}

static float multiply_add(void)
{
    wide sums[N_SUMS], factor = (wide){0} + 0.9999f, term = (wide){0} + 1e-6f;
    for (int k = 0; k < N_SUMS; k++)
        sums[k] = (wide){0} + (float)k;
    for (int step = 0; step < STEPS; step++)
        #pragma GCC unroll 16
        for (int k = 0; k < N_SUMS; k++)
            sums[k] = sums[k] * factor + term;
    for (int k = 1; k < N_SUMS; k++)
        sums[0] += sums[k];
    return sums[0][0];
}

static void meet(Worker *worker, int n_times)
{
    atomic_fetch_add(worker->ready, 1);
    while (atomic_load(worker->ready) < n_times * worker->n_threads)
        ;
}

static void *work(void *argument)
{
    Worker *worker = argument;
    bind(worker->processor);
    meet(worker, 1);
    double began = now();
    worker->sum = multiply_add();
    worker->arithmetic = now() - began;
    meet(worker, 2);
    began = now();
    for (int lap = 0; lap < LAPS; lap++) {
        int turn = lap * worker->n_threads + worker->number;
        while (atomic_load_explicit(worker->turn, memory_order_acquire) != turn)
            ;
        atomic_store_explicit(worker->turn, turn + 1, memory_order_release);
    }
    worker->lap = (now() - began) / LAPS;
    return NULL;
}

/* Spins whenever the processor has nothing else to do. */
static void *hold_processor(void *processor)
{
    bind(*(int *)processor);
#ifdef __linux__
    struct sched_param lowest = {0};
    pthread_setschedparam(pthread_self(), SCHED_IDLE, &lowest);
#endif
    while (atomic_load_explicit(&held, memory_order_relaxed))
        ;
    return NULL;
}

/* Keep processors awake until `release`; `processors` must live as long. */
int hold(int n_threads, int *processors)
{
    atomic_store(&held, 1);
    for (n_holders = 0; n_holders < n_threads && n_holders < MOST_THREADS; n_holders++) {
        int *processor = &processors[n_holders];
        int error = pthread_create(&holders[n_holders], NULL, hold_processor, processor);
        if (error)
            return error;
    }
    return 0;
}

void release(void)
{
    atomic_store(&held, 0);
    while (n_holders > 0)
        pthread_join(holders[--n_holders], NULL);
}

/* Seconds that the slowest of the threads needs for its sums, and seconds of a lap of a word
 * through all of them.  Returns 0, or why threads could not be made: then the program is to end,
 * because those that could wait for the others. */
int look(int n_threads, const int *processors, double *seconds)
{
    static _Alignas(128) atomic_int ready;
    static _Alignas(128) atomic_int turn;
    static pthread_t threads[MOST_THREADS];
    static Worker workers[MOST_THREADS];
    if (n_threads > MOST_THREADS)
        return -1;
    atomic_store(&ready, 0);
    atomic_store(&turn, 0);
    for (int k = 0; k < n_threads; k++) {
        workers[k] = (Worker){k, n_threads, processors[k], &ready, &turn, 0, 0, 0};
        int error = pthread_create(&threads[k], NULL, work, &workers[k]);
        if (error)
            return error;
    }
    seconds[0] = seconds[1] = 0;
    for (int k = 0; k < n_threads; k++) {
        pthread_join(threads[k], NULL);
        if (workers[k].arithmetic > seconds[0])
            seconds[0] = workers[k].arithmetic;
        if (workers[k].lap > seconds[1])
            seconds[1] = workers[k].lap;
    }
    return 0;
}
