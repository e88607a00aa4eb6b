#pragma once
// What kernels over rows share: loops over the vectors of a row, rows of any floating type read and
// written as float or double, and memory of the thread.
#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "base/dtype.h"
#include "base/parallel.h"
#include "kernels/vec.h"

namespace izvod::kernels::IZVOD_ISA {

// The type that elements stored as S are computed in.
template <class S>
using Compute = std::conditional_t<std::is_same_v<S, double>, double, float>;

template <class T>
inline constexpr T minus_infinity = -std::numeric_limits<T>::infinity();

// Half types, lane by lane: for the ends of rows, and where the machine has no instruction. Not
// inlined, as they are not hot and stand in every loop twice.
template <class S>
[[gnu::noinline]] static void widen(float* lanes, const S* p, int64_t n) {
  for (int64_t i = 0; i < n; ++i) lanes[i] = float(p[i]);
}
template <class S>
[[gnu::noinline]] static void narrow(S* p, const float* lanes, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = S(lanes[i]);
}

#if defined(__AVX512F__)
static inline Vec<float> load_all(const Half* p) {
  return Vec<float>(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))));
}
static inline void store_all(Half* p, Vec<float> x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                      _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT));
}
inline constexpr bool has_half = true;
#elif defined(__F16C__)
static inline Vec<float> load_all(const Half* p) {
  return Vec<float>(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
static inline void store_all(Half* p, Vec<float> x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT));
}
inline constexpr bool has_half = true;
#else
static inline Vec<float> load_all(const Half*) { return Vec<float>(0.f); }
static inline void store_all(Half*, Vec<float>) {}
inline constexpr bool has_half = false;
#endif

// bfloat16 is the upper half of a float. (A loop over lanes becomes one instruction where
// __builtin_convertvector becomes five.)
static inline Vec<float> load_all(const BFloat16* p) {
  constexpr int width = Vec<float>::width;
  uint16_t bits[width];
  uint32_t lanes[width];
  std::memcpy(bits, p, sizeof bits);
  for (int i = 0; i < width; ++i) lanes[i] = uint32_t(bits[i]) << 16;
  Vec<float>::Native v;
  std::memcpy(&v, lanes, sizeof v);
  return Vec<float>(v);
}

// Rounded to it, halves to even; as bfloat16_from_float.
static inline void store_all(BFloat16* p, Vec<float> x) {
  typedef uint16_t Narrow __attribute__((vector_size(vec_bytes / 2)));
  const Vec<int32_t> bits = bits_as<int32_t>(x), up = bits + 0x7fff + ((bits >> 16) & 1);
  const Vec<float> rounded = where(isnan(x), __builtin_nanf(""), bits_as<float>(up));
  const Narrow upper = __builtin_convertvector(bits_as<uint32_t>(rounded).v >> 16, Narrow);
  std::memcpy(p, &upper, sizeof upper);
}

// The first n elements at p, the other lanes zero.
template <class S>
static inline Vec<Compute<S>> load(const S* p, int64_t n = Vec<Compute<S>>::width) {
  using V = Vec<Compute<S>>;
  if constexpr (std::is_same_v<S, Compute<S>>) {
    return V::load(p, n);
  } else {
    if (n >= V::width && (has_half || std::is_same_v<S, BFloat16>)) return load_all(p);
    float lanes[V::width] = {};
    widen(lanes, p, std::min<int64_t>(n, V::width));
    return V::load(lanes);
  }
}

template <class S>
static inline void store(S* p, Vec<Compute<S>> x, int64_t n = Vec<Compute<S>>::width) {
  using V = Vec<Compute<S>>;
  if constexpr (std::is_same_v<S, Compute<S>>) {
    x.store(p, n);
  } else {
    if (n >= V::width && (has_half || std::is_same_v<S, BFloat16>)) return store_all(p, x);
    float lanes[V::width];
    x.store(lanes);
    narrow(p, lanes, std::min<int64_t>(n, V::width));
  }
}

// All lanes together with op, in a tree: each with the one `step` lanes on.
template <int step, class T, class F>
static inline T fold_lanes_by(Vec<T> x, F op) {
  const Vec<T> other = [&]<int... lane>(std::integer_sequence<int, lane...>) {
    return Vec<T>(__builtin_shufflevector(x.v, x.v, (lane ^ step)...));
  }(std::make_integer_sequence<int, Vec<T>::width>{});
  if constexpr (step == 1)
    return op(x, other)[0];
  else
    return fold_lanes_by<step / 2>(op(x, other), op);
}
template <class T, class F>
static inline T fold_lanes(Vec<T> x, F op) {
  return fold_lanes_by<Vec<T>::width / 2>(x, op);
}
template <class T>
static inline T max_lanes(Vec<T> x) {
  return fold_lanes(x, [](Vec<T> a, Vec<T> b) { return max(a, b); });
}
template <class T>
static inline T add_lanes(Vec<T> x) {
  return fold_lanes(x, [](Vec<T> a, Vec<T> b) { return a + b; });
}

// f(i, n) for the vectors of a row of `count` elements: n elements from i on, the last n may be
// short.
template <class T, class F>
[[gnu::flatten]] static inline void for_lanes(int64_t count, F&& f) {
  constexpr int64_t width = Vec<T>::width;
  int64_t i = 0;
  for (; i + width <= count; i += width) f(i, width);
  if (i < count) f(i, count - i);
}

// The sum over a row of what f(i, n) gives for its vectors, in an order that depends on `count`
// alone. `chains` sums run side by side where f is so short that one would wait for its own last
// addition. Long rows are summed in pieces, and in pieces of 32 pieces: a float that has seen
// thousands of additions has lost digits.
template <class T, int chains = 4, class F>
[[gnu::flatten]] static inline T sum_over(int64_t count, F&& f) {
  constexpr int64_t width = Vec<T>::width, step = chains * width, piece = 32 * step;
  Vec<T> total = T(0), recent = T(0);
  for (int64_t i = 0; i < count;) {
    Vec<T> sums[chains];
    for (Vec<T>& s : sums) s = T(0);
    const int64_t end = std::min(count, i + piece);
    for (; i + step <= end; i += step)
      for (int k = 0; k < chains; ++k) sums[k] += f(i + k * width, width);
    for (; i < end; i += width) sums[0] += first_lanes(f(i, std::min(width, end - i)), end - i);
    for (int k = 1; k < chains; ++k) sums[0] += sums[k];
    recent += sums[0];
    if (i % (32 * piece) == 0) {
      total += recent;
      recent = T(0);
    }
  }
  return add_lanes(total + recent);
}

// The largest of a row; -inf of none. Four chains: one would wait for its own last maximum.
template <class S, class T = Compute<S>>
static T max_of_row(const S* x, int64_t n) {
  constexpr int64_t width = Vec<T>::width, chains = 4;
  Vec<T> top[chains];
  for (Vec<T>& t : top) t = minus_infinity<T>;
  int64_t i = 0;
  for (; i + chains * width <= n; i += chains * width)
    for (int c = 0; c < chains; ++c) top[c] = max(load(x + i + c * width), top[c]);
  for_lanes<T>(n - i, [&](int64_t j, int64_t k) {
    top[0] = max(first_lanes(load(x + i + j, k), k, minus_infinity<T>), top[0]);
  });
  return max_lanes(max(max(top[0], top[1]), max(top[2], top[3])));
}

// What comes `size` elements later, the next group: fetched while this one is computed, as memory
// would wait meanwhile. Of long rows the caches could not keep two.
template <class S>
static inline void prefetch_next(const S* x, int64_t size) {
  if (size <= 16384) __builtin_prefetch(x + size);
}

// How many of `rows` rows make a block of parallel_for, when a row costs `cost` (one memory access:
// 1; exp: about 4).
static inline int64_t rows_grain(int64_t rows, int64_t cost) {
  cost = std::max<int64_t>(cost, 1);
  const int64_t most = std::max<int64_t>(1, most_in_block(rows * cost) / cost);
  if (rows <= most) return most;
  return ceil_div(rows, even_blocks(rows, most));
}

// Memory of the calling thread until the end of the scope. The thread keeps it: the first touch of
// fresh pages costs more than most kernels. Scopes nest.
class Scratch {
 public:
  Scratch() : mark_(arena().used) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    while (extra_) {
      Extra* next = extra_->next;
      std::free(extra_);
      extra_ = next;
    }
    Arena& a = arena();
    a.used = mark_;
    if (mark_ == 0 && a.wanted > a.size) a.grow();
  }

  template <class T>
  T* take(int64_t n) {
    const size_t bytes = (size_t(std::max<int64_t>(n, 0)) * sizeof(T) + 63) / 64 * 64;
    Arena& a = arena();
    a.wanted = std::max(a.wanted, a.used + extra_bytes_ + bytes);
    if (a.used + bytes <= a.size) {
      a.used += bytes;
      return reinterpret_cast<T*>(a.memory + a.used - bytes);
    }
    Extra* e = static_cast<Extra*>(std::aligned_alloc(64, 64 + bytes));
    if (!e) throw std::bad_alloc();
    e->next = extra_;
    extra_ = e;
    extra_bytes_ += bytes;
    return reinterpret_cast<T*>(reinterpret_cast<char*>(e) + 64);
  }

 private:
  struct Extra {
    Extra* next;
  };
  struct Arena {
    static constexpr size_t most = size_t(16) << 20;
    char* memory = nullptr;
    size_t size = 0, used = 0, wanted = 0;
    void grow() {
      wanted = std::min(wanted, most);
      if (wanted <= size) return;
      std::free(memory);
      memory = static_cast<char*>(std::aligned_alloc(64, wanted));
      size = memory ? wanted : 0;
    }
    ~Arena() { std::free(memory); }
  };
  static Arena& arena() {
    static thread_local Arena a;
    return a;
  }

  size_t mark_, extra_bytes_ = 0;
  Extra* extra_ = nullptr;
};

}  // namespace izvod::kernels::IZVOD_ISA
