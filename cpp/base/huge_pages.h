#pragma once
// Pages of 2 MB, where the system has any: a first touch for 512 ordinary ones, and addresses that
// are translated faster.
#include <sys/mman.h>

#include <cstddef>

namespace izvod {

inline constexpr size_t huge_page = size_t(2) << 20;

// Asks for them; `p` and `bytes` are multiples of one. Always inlined, as kernels for several
// instruction sets use it.
[[gnu::always_inline]] inline void ask_for_huge_pages([[maybe_unused]] void* p,
                                                      [[maybe_unused]] size_t bytes) {
#ifdef MADV_HUGEPAGE
  madvise(p, bytes, MADV_HUGEPAGE);
#endif
}

}  // namespace izvod
