/* Who does which chunk of a loop: every thread those of its own range first, and then what is left
 * of the others'.  So a thread meets the same neurons from layer to layer and from step to step,
 * whose numbers its own cache still holds; and none waits for another that is slower. */
#ifndef SKLEARN_SET_SHARES_H
#define SKLEARN_SET_SHARES_H

#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define FETCH(number) (*(const volatile int32_t *)(number))
#define FETCH_AND_ADD_ONE(number) _InterlockedExchangeAdd((volatile long *)(number), 1)
#else
#define FETCH(number) __atomic_load_n(number, __ATOMIC_RELAXED)
#define FETCH_AND_ADD_ONE(number) __atomic_fetch_add(number, 1, __ATOMIC_RELAXED)
#endif

/* The chunks [next, end); two cache lines, because processors fetch them in pairs. */
typedef struct {
    int32_t next, end;
    char rest[120];
} share_t;

/* Cut `n_chunks` into a range for each thread; before they begin. */
static inline void share_out(share_t *shares, int n_threads, int32_t n_chunks) {
    for (int t = 0; t < n_threads; ++t) {
        shares[t].next = (int32_t)((int64_t)n_chunks * t / n_threads);
        shares[t].end = (int32_t)((int64_t)n_chunks * (t + 1) / n_threads);
    }
}

/* The next chunk for a thread, or -1 when all are taken. */
static inline int32_t take_chunk(share_t *shares, int n_threads, int thread) {
    for (int turn = 0; turn < n_threads; ++turn) {
        share_t *share = &shares[(thread + turn) % n_threads];
        /* A look leaves the counter in the caches of others; an addition would take it away. */
        if (FETCH(&share->next) >= share->end) continue;
        int32_t chunk = FETCH_AND_ADD_ONE(&share->next);
        if (chunk < share->end) return chunk;
    }
    return -1;
}

#endif
