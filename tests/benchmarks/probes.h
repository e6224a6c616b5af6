/* What limits.c and calm.c ask of processors: arithmetic, and words passed from one to the next. */
#ifndef PROBES_H
#define PROBES_H

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

typedef float wide __attribute__((vector_size(4 * LANES)));

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* LANES * N_SUMS multiply-adds in each step.  The result must be kept somewhere: what nobody
 * reads compilers do not compute. */
static float multiply_add(int n_steps)
{
    wide sums[N_SUMS], factor = (wide){0} + 0.9999f, term = (wide){0} + 1e-6f;
    for (int k = 0; k < N_SUMS; k++)
        sums[k] = (wide){0} + (float)k;
    for (int step = 0; step < n_steps; step++)
        #pragma GCC unroll 16
        for (int k = 0; k < N_SUMS; k++)
            sums[k] = sums[k] * factor + term;
    for (int k = 1; k < N_SUMS; k++)
        sums[0] += sums[k];
    return sums[0][0];
}

/* Seconds that a word, at first 0, takes through all threads, of so many laps. */
static double lap_of(atomic_int *turn, int thread, int n_threads, int n_laps)
{
    double began = now();
    for (int lap = 0; lap < n_laps; lap++) {
        int mine = lap * n_threads + thread;
        while (atomic_load_explicit(turn, memory_order_acquire) != mine)
            ;
        atomic_store_explicit(turn, mine + 1, memory_order_release);
    }
    return (now() - began) / n_laps;
}

#endif
