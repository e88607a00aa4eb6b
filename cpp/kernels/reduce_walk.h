#pragma once
// Note [Reductions]
// A reduction is a Reducer: a handful of functions on dense memory that turn elements into states
// and merge states. reduce() does the rest once for all of them: which dimension runs innermost,
// conversion of dtypes, threads, and the tree in which states are merged. The tree depends on sizes
// and strides only, so the bits do not depend on the number of threads.
#include "kernels/isa.h"
#include "kernels/view.h"

namespace izvod::kernels::IZVOD_ISA {

inline constexpr int64_t leaf_size = 1024;       // elements of one call of `leaf` at most
inline constexpr int64_t group_rows = 16;        // rows of one call of `rows` at most
inline constexpr int64_t max_block_rows = 1024;  // or as many, where that is as exact
inline constexpr int64_t strip_bytes = 8192;     // columns * itemsize of one call of `rows` at most
inline constexpr int max_columns = strip_bytes / 4;

struct Reducer {
  DType load;       // elements arrive converted to this type
  int state_bytes;  // at most 16
  DType result[2];  // what finish writes, the second only where there are two outputs
  // One state from n neighbouring elements; `first` counts the reduced elements before them.
  void (*leaf)(const Reducer&, void* state, const void* x, int64_t n, int64_t first);
  // n states, one for each column of `rows` rows that stand `stride` elements apart.
  void (*rows)(const Reducer&, void* states, const void* x, int64_t stride, int64_t rows, int64_t n,
               int64_t first);
  // a[i] = a[i] with b[i], which stand for so many elements; those of a come first.
  void (*merge)(void* a, int64_t a_count, const void* b, int64_t b_count, int64_t n);
  // Final values of n states that stand for `count` elements each.
  void (*finish)(const Reducer&, const void* states, int64_t n, int64_t count,
                 void* const* results);
  double parameter = 0;
  int64_t group = group_rows;  // rows that are read in place come to `rows` in groups of so many
  bool ordered = false;  // `first` matters: the reduced dimensions are walked in row-major order
  // Two leaves side by side, for folds that need neither `first` nor counts. Memory delivers two
  // streams that are far apart 1.4 times as fast as one: what fetches ahead stops at a page's end.
  void (*leaf_pair)(const Reducer&, void* state0, void* state1, const void* x0, const void* x1,
                    int64_t n) = nullptr;
  bool far_away = false;  // `rows` come from memory; set by reduce() where caches are too small
};

// outs: one or two views, the second may be null.
void reduce(const Reducer& reducer, const View& in, const View* out, const View* second = nullptr);

}  // namespace izvod::kernels::IZVOD_ISA
