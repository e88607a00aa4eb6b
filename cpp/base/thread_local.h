#pragma once

// A variable of each thread that is read in every op: found without a call, though it lies in a
// loaded library.
#if defined(__GLIBC__)
#define IZVOD_FAST_THREAD_LOCAL __attribute__((tls_model("initial-exec")))
#else
#define IZVOD_FAST_THREAD_LOCAL
#endif
