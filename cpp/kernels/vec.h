#pragma once
// A short vector of the width that this copy's instruction set has: arithmetic, comparison,
// selection. Built on the compiler's vector types, so one text serves SSE, AVX2, AVX-512 and NEON.
#include <cstdint>
#include <cstring>
#include <type_traits>
#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "kernels/isa.h"

namespace izvod::kernels::IZVOD_ISA {

#if defined(__AVX512F__)
inline constexpr int vec_bytes = 64;
#elif defined(__AVX__)
inline constexpr int vec_bytes = 32;
#else
inline constexpr int vec_bytes = 16;
#endif

template <int bytes> struct SignedInt;
template <> struct SignedInt<1> {
  using type = int8_t;
};
template <> struct SignedInt<2> {
  using type = int16_t;
};
template <> struct SignedInt<4> {
  using type = int32_t;
};
template <> struct SignedInt<8> {
  using type = int64_t;
};

// A comparison's result: all bits of a lane set, or none.
template <class T>
struct Mask {
  using Int = typename SignedInt<sizeof(T)>::type;
  typedef Int Native __attribute__((vector_size(vec_bytes)));
  Native v;
  friend Mask operator&(Mask a, Mask b) { return {a.v & b.v}; }
  friend Mask operator|(Mask a, Mask b) { return {a.v | b.v}; }
  friend Mask operator^(Mask a, Mask b) { return {a.v ^ b.v}; }
  friend Mask operator~(Mask a) { return {~a.v}; }
  bool operator[](int i) const { return v[i] != 0; }
};

template <class T>
struct Vec;

// Which lanes come before lane n.
template <class T>
Mask<T> lanes_before(int64_t n) {
  typename Mask<T>::Native number;
  for (int i = 0; i < Vec<T>::width; ++i) number[i] = i;
  return {number < typename Mask<T>::Int(n)};
}

#if defined(__AVX512F__)
// The same as the instructions for parts of vectors take them.
template <class T>
struct FirstLanes {
  static constexpr int width = vec_bytes / int(sizeof(T));
  uint64_t bits;
  explicit FirstLanes(int64_t n) : bits(~uint64_t(0) >> (64 - (n < width ? n : width))) {}
  Vec<T> load(const T* p) const {  // the other lanes zero
    if constexpr (sizeof(T) == 1)
      return typename Vec<T>::Native(_mm512_maskz_loadu_epi8(__mmask64(bits), p));
    else if constexpr (sizeof(T) == 2)
      return typename Vec<T>::Native(_mm512_maskz_loadu_epi16(__mmask32(bits), p));
    else if constexpr (sizeof(T) == 4)
      return typename Vec<T>::Native(_mm512_maskz_loadu_epi32(__mmask16(bits), p));
    else
      return typename Vec<T>::Native(_mm512_maskz_loadu_epi64(__mmask8(bits), p));
  }
  void store(T* p, Vec<T> x) const {
    if constexpr (sizeof(T) == 1)
      _mm512_mask_storeu_epi8(p, __mmask64(bits), __m512i(x.v));
    else if constexpr (sizeof(T) == 2)
      _mm512_mask_storeu_epi16(p, __mmask32(bits), __m512i(x.v));
    else if constexpr (sizeof(T) == 4)
      _mm512_mask_storeu_epi32(p, __mmask16(bits), __m512i(x.v));
    else
      _mm512_mask_storeu_epi64(p, __mmask8(bits), __m512i(x.v));
  }
};
#endif

template <class T>
struct Vec {
  static constexpr int width = vec_bytes / int(sizeof(T));
  using Lane = T;
  using Int = typename SignedInt<sizeof(T)>::type;
  typedef T Native __attribute__((vector_size(vec_bytes)));
  typedef T Unaligned __attribute__((vector_size(vec_bytes), aligned(sizeof(T)), may_alias));

  Native v;

  Vec() = default;
  Vec(Native x) : v(x) {}
  template <class S>
    requires std::is_arithmetic_v<S>
  Vec(S x) : v(T(x) - Native{}) {}

  static Vec load(const T* p) { return Vec(Native(*reinterpret_cast<const Unaligned*>(p))); }
  void store(T* p) const { *reinterpret_cast<Unaligned*>(p) = v; }
  // The first n lanes, the others zero: ends of rows, which leave memory beyond them alone. Where
  // no instruction does it, or a slow one, in pieces of a power of two.
  static Vec load(const T* p, int64_t n) {
    if (n >= width) return load(p);
#if defined(__AVX512F__)
    return FirstLanes<T>(n).load(p);
#else
#if defined(__AVX2__)
    if constexpr (sizeof(T) == 4)
      return Native(_mm256_maskload_epi32(reinterpret_cast<const int*>(p),
                                          reinterpret_cast<__m256i>(lanes_before<T>(n).v)));
    if constexpr (sizeof(T) == 8)
      return Native(_mm256_maskload_epi64(reinterpret_cast<const long long*>(p),
                                          reinterpret_cast<__m256i>(lanes_before<T>(n).v)));
#endif
    T lanes[width] = {}, *to = lanes;
    for_pieces(n, [&](int piece) {
      std::memcpy(to, p, piece * sizeof(T));
      p += piece, to += piece;
    });
    return load(lanes);
#endif
  }
  void store(T* p, int64_t n) const {
    if (n >= width) return store(p);
#if defined(__AVX512F__)
    FirstLanes<T>(n).store(p, *this);
#else
    T lanes[width], *from = lanes;
    store(lanes);
    for_pieces(n, [&](int piece) {
      std::memcpy(p, from, piece * sizeof(T));
      p += piece, from += piece;
    });
#endif
  }

  // f(piece) for the powers of two whose sum is n < width, the largest first.
  template <class F>
  static void for_pieces(int64_t n, F f) {
#pragma GCC unroll 4
    for (int piece = width / 2; piece; piece /= 2)
      if (n & piece) f(piece);
  }

  T operator[](int i) const { return v[i]; }
  friend Vec operator+(Vec a, Vec b) { return a.v + b.v; }
  friend Vec operator-(Vec a, Vec b) { return a.v - b.v; }
  friend Vec operator*(Vec a, Vec b) { return a.v * b.v; }
  friend Vec operator/(Vec a, Vec b) { return a.v / b.v; }
  friend Vec operator-(Vec a) { return -a.v; }
  friend Mask<T> operator<(Vec a, Vec b) { return {a.v < b.v}; }
  friend Mask<T> operator<=(Vec a, Vec b) { return {a.v <= b.v}; }
  friend Mask<T> operator>(Vec a, Vec b) { return {a.v > b.v}; }
  friend Mask<T> operator>=(Vec a, Vec b) { return {a.v >= b.v}; }
  friend Mask<T> operator==(Vec a, Vec b) { return {a.v == b.v}; }
  friend Mask<T> operator!=(Vec a, Vec b) { return {a.v != b.v}; }
  Vec& operator+=(Vec o) { return *this = *this + o; }
  Vec& operator-=(Vec o) { return *this = *this - o; }
  Vec& operator*=(Vec o) { return *this = *this * o; }
};

// Bits of integer lanes. >> carries the sign in, as it does for a single integer.
template <class T> Vec<T> operator&(Vec<T> a, std::type_identity_t<Vec<T>> b) { return a.v & b.v; }
template <class T> Vec<T> operator|(Vec<T> a, std::type_identity_t<Vec<T>> b) { return a.v | b.v; }
template <class T> Vec<T> operator^(Vec<T> a, std::type_identity_t<Vec<T>> b) { return a.v ^ b.v; }
template <class T> Vec<T> operator<<(Vec<T> a, int n) { return a.v << n; }
template <class T> Vec<T> operator>>(Vec<T> a, int n) { return a.v >> n; }

template <class T>
bool any(Mask<T> m) {
  typedef long long Words __attribute__((vector_size(vec_bytes)));
  const Words w = Words(m.v);
#if defined(__AVX512F__)
  return _mm512_test_epi64_mask(__m512i(w), __m512i(w)) != 0;
#elif defined(__AVX__)
  return !__builtin_ia32_ptestz256(w, w);
#elif defined(__SSE4_1__) && !defined(__AVX__)
  return !__builtin_ia32_ptestz128(w, w);
#else
  long long bits = 0;
  for (int i = 0; i < vec_bytes / 8; ++i) bits |= w[i];
  return bits != 0;
#endif
}

// The first lane that is set; there is one.
template <class T>
int first_lane(Mask<T> m) {
#if defined(__AVX512F__)
  return __builtin_ctz(unsigned(_mm512_movepi32_mask(__m512i(m.v)))) / int(sizeof(T) / 4);
#elif defined(__AVX__)
  typedef float Floats __attribute__((vector_size(vec_bytes)));
  return __builtin_ctz(unsigned(__builtin_ia32_movmskps256(Floats(m.v)))) / int(sizeof(T) / 4);
#else
  int i = 0;
  while (!m[i]) ++i;
  return i;
#endif
}

// m ? a : b, lane by lane.
template <class T>
Vec<T> where(Mask<T> m, std::type_identity_t<Vec<T>> a, std::type_identity_t<Vec<T>> b) {
  return m.v ? a.v : b.v;
}
template <class T> Mask<T> isnan(Vec<T> x) { return x != x; }
// x in the first n lanes, `other` in the rest: keeps the lanes beyond a row's end out of sums and
// maxima.
template <class T>
Vec<T> first_lanes(Vec<T> x, int64_t n, T other = T(0)) {
  return n >= Vec<T>::width ? x : where(lanes_before<T>(n), x, Vec<T>(other));
}

// The same bits as another kind of lane.
template <class To, class From>
Vec<To> bits_as(Vec<From> x) {
  static_assert(sizeof(To) == sizeof(From));
  return Vec<To>(typename Vec<To>::Native(x.v));
}
// Lane by lane to the type of the same size: truncates towards zero.
template <class To, class From>
Vec<To> convert(Vec<From> x) {
  static_assert(sizeof(To) == sizeof(From));
  return Vec<To>(__builtin_convertvector(x.v, typename Vec<To>::Native));
}

// Lane by lane with a scalar function; the compiler turns it into one instruction where there is
// one.
template <class T, class F>
Vec<T> map(Vec<T> x, F f) {
  Vec<T> r;
  for (int i = 0; i < Vec<T>::width; ++i) r.v[i] = f(x.v[i]);
  return r;
}

// a * b + c rounded once (in two steps where the machine has no such instruction). Asked for by
// name: whether a compiler contracts a * b + c depends on its optimisation level.
template <class T>
Vec<T> fma(Vec<T> a, std::type_identity_t<Vec<T>> b, std::type_identity_t<Vec<T>> c) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) return _mm512_fmadd_ps(a.v, b.v, c.v);
  if constexpr (std::is_same_v<T, double>) return _mm512_fmadd_pd(a.v, b.v, c.v);
#elif defined(__FMA__) && !defined(__clang__)
  if constexpr (std::is_same_v<T, float>) return __builtin_ia32_vfmaddps256(a.v, b.v, c.v);
  if constexpr (std::is_same_v<T, double>) return __builtin_ia32_vfmaddpd256(a.v, b.v, c.v);
#endif
  return a.v * b.v + c.v;  // elsewhere contracted: kernels are compiled with -ffp-contract=fast
}

// Like x86's own: the second operand where one is nan. Ops that pass nan on say so themselves.
// (The compiler does not find the instruction behind a choice between vectors, hence the builtins.)
template <class T>
Vec<T> min(Vec<T> a, std::type_identity_t<Vec<T>> b) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) return _mm512_min_ps(a.v, b.v);
  if constexpr (std::is_same_v<T, double>) return _mm512_min_pd(a.v, b.v);
#elif defined(__AVX__)
  if constexpr (std::is_same_v<T, float>) return __builtin_ia32_minps256(a.v, b.v);
  if constexpr (std::is_same_v<T, double>) return __builtin_ia32_minpd256(a.v, b.v);
#elif defined(__SSE2__) && !defined(__AVX__)
  if constexpr (std::is_same_v<T, float>) return __builtin_ia32_minps(a.v, b.v);
  if constexpr (std::is_same_v<T, double>) return __builtin_ia32_minpd(a.v, b.v);
#endif
  return a.v < b.v ? a.v : b.v;
}
template <class T>
Vec<T> max(Vec<T> a, std::type_identity_t<Vec<T>> b) {
#if defined(__AVX512F__)
  if constexpr (std::is_same_v<T, float>) return _mm512_max_ps(a.v, b.v);
  if constexpr (std::is_same_v<T, double>) return _mm512_max_pd(a.v, b.v);
#elif defined(__AVX__)
  if constexpr (std::is_same_v<T, float>) return __builtin_ia32_maxps256(a.v, b.v);
  if constexpr (std::is_same_v<T, double>) return __builtin_ia32_maxpd256(a.v, b.v);
#elif defined(__SSE2__) && !defined(__AVX__)
  if constexpr (std::is_same_v<T, float>) return __builtin_ia32_maxps(a.v, b.v);
  if constexpr (std::is_same_v<T, double>) return __builtin_ia32_maxpd(a.v, b.v);
#endif
  return a.v > b.v ? a.v : b.v;
}

// Sums of lanes in a fixed tree.
template <class T>
T sum_lanes(Vec<T> x) {
  T lanes[Vec<T>::width];
  x.store(lanes);
  for (int step = Vec<T>::width / 2; step; step /= 2)
    for (int i = 0; i < step; ++i) lanes[i] += lanes[i + step];
  return lanes[0];
}

}  // namespace izvod::kernels::IZVOD_ISA
