/* What the processors can do right now: arithmetic, words passed from one to the next, loads from
 * the first-level cache, and what the second-level cache holds.  And threads that keep them awake.
 *
 * calm.py compiles this as a library.  Threads of its own, because the programs that are measured
 * bring OpenMP runtimes of different makes.
 */
#ifdef __linux__
#define _GNU_SOURCE
#include <sched.h>
#endif
#include <pthread.h>
#include <stdint.h>

#include "probes.h"

enum { STEPS = 1 << 16, LAPS = 500, MOST_THREADS = 256 };

/* 512 KB, which a second-level cache holds if no other thread of the core fills it. */
enum { LINES = 1 << 13, LINE = 64 };
/* 4 KB, on which so many loads go on at once as a processor can do. */
enum { PLACES = 1 << 10, N_LOADS = 12, LOAD_STEPS = 1 << 13 };
static _Alignas(LINE) struct { uint32_t next; char rest[LINE - 4]; } rings[MOST_THREADS][LINES];

static _Alignas(128) atomic_int held;
static int n_holders;
static pthread_t holders[MOST_THREADS];

typedef struct {
    int number, n_threads, processor;   /* processor: -1 for any */
    atomic_int *ready, *turn;
    double arithmetic, lap, reach, loads;
    float sum;
    uint32_t line;
} Worker;

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

static void meet(Worker *worker, int n_times)
{
    atomic_fetch_add(worker->ready, 1);
    while (atomic_load(worker->ready) < n_times * worker->n_threads)
        ;
}

/* Where number k of a ring of 2^m is followed: all are on it, in an order that nobody guesses. */
static uint32_t next_of(uint32_t k, uint32_t size)
{
    return (1664525 * k + 1013904223) % size;
}

/* Seconds to get from one line to the next, after all have been there once. */
static double reach_of(int thread, uint32_t *line)
{
    double began = 0;
    for (int turn = 0; turn < 2; turn++) {
        if (turn == 0)
            for (uint32_t k = 0; k < LINES; k++)
                rings[thread][k].next = next_of(k, LINES);
        began = now();
        for (uint32_t k = 0; k < LINES; k++)
            *line = rings[thread][*line].next;
    }
    return (now() - began) / LINES;
}

/* Seconds of a load from the first-level cache while others go on. */
static double loads_of(uint32_t *sum)
{
    uint32_t ring[PLACES], places[N_LOADS];
    for (uint32_t k = 0; k < PLACES; k++)
        ring[k] = next_of(k, PLACES);
    for (int q = 0; q < N_LOADS; q++)
        places[q] = (uint32_t)q * (PLACES / N_LOADS);
    double began = now();
    for (int step = 0; step < LOAD_STEPS; step++)
        #pragma GCC unroll 12
        for (int q = 0; q < N_LOADS; q++)
            places[q] = ring[places[q]];
    double took = now() - began;
    for (int q = 0; q < N_LOADS; q++)
        *sum += places[q];
    return took / LOAD_STEPS / N_LOADS;
}

static void *work(void *argument)
{
    Worker *worker = argument;
    bind(worker->processor);
    meet(worker, 1);
    double began = now();
    worker->sum = multiply_add(STEPS);
    worker->arithmetic = now() - began;
    meet(worker, 2);
    if (worker->n_threads > 1)
        worker->lap = lap_of(worker->turn, worker->number, worker->n_threads, LAPS);
    worker->reach = reach_of(worker->number, &worker->line);
    worker->loads = loads_of(&worker->line);
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

/* Seconds that the slowest of the threads needs for its sums, seconds of a lap of a word through
 * all of them, and what the slowest needs for its second- and for its first-level cache.  Returns
 * 0, or why threads could not be made: then the program is to end, because those that could wait
 * for the others. */
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
        workers[k] = (Worker){k, n_threads, processors[k], &ready, &turn, 0, 0, 0, 0, 0, 0};
        int error = pthread_create(&threads[k], NULL, work, &workers[k]);
        if (error)
            return error;
    }
    for (int what = 0; what < 4; what++)
        seconds[what] = 0;
    for (int k = 0; k < n_threads; k++) {
        pthread_join(threads[k], NULL);
        if (workers[k].arithmetic > seconds[0])
            seconds[0] = workers[k].arithmetic;
        if (workers[k].lap > seconds[1])
            seconds[1] = workers[k].lap;
        if (workers[k].reach > seconds[2])
            seconds[2] = workers[k].reach;
        if (workers[k].loads > seconds[3])
            seconds[3] = workers[k].loads;
    }
    return 0;
}
