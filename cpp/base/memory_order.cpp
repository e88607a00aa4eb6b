#include "base/memory_order.h"

#include <utility>

namespace izvod {

Dims memory_order(const Dims& sizes, std::initializer_list<const Dims*> strides) {
  const auto compare = [&](int64_t a, int64_t b) {  // > 0: a belongs outside b; 0: undecided
    for (const Dims* s : strides) {
      const int64_t sa = (*s)[a], sb = (*s)[b];
      if (!sa || !sb) continue;
      if (sa != sb) return sa > sb ? 1 : -1;
      if (sizes[a] > sizes[b]) return 1;
    }
    return 0;
  };
  Dims inward;
  for (int64_t d = sizes.size() - 1; d >= 0; --d) inward.push_back(d);
  for (int64_t i = 1; i < sizes.size(); ++i) {
    int64_t at = i;
    for (int64_t j = i - 1; j >= 0; --j) {
      const int c = compare(inward[j], inward[at]);
      if (c > 0) std::swap(inward[j], inward[at]), at = j;
      if (c < 0) break;
    }
  }
  return inward;
}

}  // namespace izvod
