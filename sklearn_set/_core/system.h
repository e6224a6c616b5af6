/* What the processor and the compiler's OpenMP offer, for machine.py and the stepper. */
#ifndef SKLEARN_SET_SYSTEM_H
#define SKLEARN_SET_SYSTEM_H

#ifdef _OPENMP
#include <omp.h>
static inline int openmp_version(void) { return _OPENMP; }
static inline int openmp_max_threads(void) { return omp_get_max_threads(); }
static inline double wall_seconds(void) { return omp_get_wtime(); }
#else
static inline int openmp_version(void) { return 0; }
static inline int openmp_max_threads(void) { return 1; }
#include <time.h>
static inline double wall_seconds(void) {
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
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
