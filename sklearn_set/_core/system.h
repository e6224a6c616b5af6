/* What the processor and the compiler's OpenMP offer, for machine.py and the stepper. */
#ifndef SKLEARN_SET_SYSTEM_H
#define SKLEARN_SET_SYSTEM_H

#ifdef _OPENMP
#include <omp.h>
static inline int openmp_version(void) { return _OPENMP; }
static inline int openmp_max_threads(void) { return omp_get_max_threads(); }
static inline double wall_seconds(void) { return omp_get_wtime(); }
static inline int openmp_start_threads(int n) {
    int started = 0;
    #pragma omp parallel num_threads(n) reduction(+:started)
    started += 1;
    return started;
}
#else
static inline int openmp_version(void) { return 0; }
static inline int openmp_max_threads(void) { return 1; }
static inline int openmp_start_threads(int n) { (void)n; return 1; }
#include <time.h>
static inline double wall_seconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
#endif

/* How many of n threads the system grants, all at the same time: each waits until the last has been
 * started or refused, and then ends. */
#if defined(_WIN32)
static inline int grantable_threads(int n) { return n; }
#else
#include <pthread.h>
#include <stdlib.h>
static void *pass_gate(void *gate) {
    pthread_mutex_lock((pthread_mutex_t *)gate);
    pthread_mutex_unlock((pthread_mutex_t *)gate);
    return NULL;
}
static inline int grantable_threads(int n) {
    int granted = 0;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *threads = (pthread_t *)malloc(sizeof(pthread_t) * (size_t)(n > 0 ? n : 1));
    if (threads == NULL) return 0;
    pthread_mutex_lock(&gate);
    while (granted < n && pthread_create(&threads[granted], NULL, pass_gate, &gate) == 0) ++granted;
    pthread_mutex_unlock(&gate);
    for (int t = 0; t < granted; ++t) pthread_join(threads[t], NULL);
    free(threads);
    return granted;
}
#endif

/* The features that x86-64-v3 and -v4 add, asked one by one: older compilers know the features
 * but not the levels. */
#if (defined(__x86_64__) || defined(_M_X64)) && (defined(__GNUC__) || defined(__clang__))
static inline int cpu_has_x86_v3(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
        && __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
static inline int cpu_has_x86_v4(void) {
    return cpu_has_x86_v3() && __builtin_cpu_supports("avx512f")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512cd")
        && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#else
static inline int cpu_has_x86_v3(void) { return 0; }
static inline int cpu_has_x86_v4(void) { return 0; }
#endif

#endif
