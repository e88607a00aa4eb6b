#pragma once
// Neighbouring elements from one C++ type to another.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <type_traits>
#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "base/dtype.h"
#include "base/half.h"
#include "kernels/isa.h"

namespace izvod::kernels::IZVOD_ISA {

template <class T>
inline constexpr bool is_half_type = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

template <class To, class From>
static inline To cast(From x) {
  if constexpr (std::is_same_v<To, bool>)
    return x != From(0);
  else if constexpr (std::is_same_v<To, uint8_t> && std::is_floating_point_v<From>)
    return To(int64_t(x));
  else if constexpr (is_half_type<To>)
    return To(float(x));
  else
    return To(x);
}

// Note [Conversions that vectors lack]
// Between int64 and floating types AVX2 has no instruction, and one element at a time costs several
// times what the memory does. Most values allow a detour: integers of less than 52 bits through the
// bits of a double, which holds them exactly, so that a float is rounded once; floats of int32's
// range through int32. A block with an element that does not fit is converted one by one.
inline constexpr int64_t cast_block = 64;

inline constexpr bool has_int64_casts =
#if defined(__AVX512DQ__) || defined(__aarch64__)
    true;
#else
    false;
#endif
template <class To, class From>
inline constexpr bool detours =
    !has_int64_casts && ((std::is_same_v<From, int64_t> && std::is_floating_point_v<To>) ||
                         (std::is_floating_point_v<From> &&
                          (std::is_same_v<To, int64_t> || std::is_same_v<To, uint8_t>)));

// One block by the detour; false if an element did not fit, the results being worth nothing then.
template <class To>
static inline bool cast_fitting(To* __restrict to, const int64_t* __restrict from) {
  uint64_t all = 0;
  for (int64_t i = 0; i < cast_block; ++i) {
    const uint64_t x = uint64_t(from[i]) + (uint64_t(1) << 51);  // [-2^51, 2^51) to [0, 2^52)
    all |= x;
    to[i] = To(std::bit_cast<double>(x | 0x4330000000000000u) - 0x1.8p52);  // the bits of 2^52 + x
  }
  return all >> 52 == 0;
}
template <class To, class From>
static inline bool cast_fitting(To* __restrict to, const From* __restrict from) {
  using Int = std::conditional_t<sizeof(From) == 4, int32_t, int64_t>;
  Int fit = -1;
  for (int64_t i = 0; i < cast_block; ++i)
    fit &= -Int((from[i] > From(-0x1p31)) & (from[i] < From(0x1p31)));
  if (fit)
    for (int64_t i = 0; i < cast_block; ++i) to[i] = To(int32_t(from[i]));
  return fit;
}

#if defined(__AVX512F__)
// As bfloat16_from_float, of 16.
static inline __m256i bfloat16_bits(const float* from) {
  const __m512 x = _mm512_loadu_ps(from);
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i nan = _mm512_set1_epi32(0x7fc00000);
  const __m512i r = _mm512_mask_add_epi32(nan, _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q),
                                          _mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  return _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16));
}
#elif defined(__AVX2__)
// As bfloat16_from_float, of 8, in the lower halves of the lanes; and of 16.
static inline __m256i bfloat16_halves(__m256 x) {
  const __m256i bits = _mm256_castps_si256(x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i up = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fc00000));
  const __m256 r =
      _mm256_blendv_ps(_mm256_castsi256_ps(up), nan, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  return _mm256_srli_epi32(_mm256_castps_si256(r), 16);
}
static inline __m256i bfloat16_bits(const float* from) {
  const __m256i low = bfloat16_halves(_mm256_loadu_ps(from)),
                high = bfloat16_halves(_mm256_loadu_ps(from + 8));
  return _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);  // packed by halves
}
#endif

template <class To, class From>
static void cast_all(To* __restrict to, const From* __restrict from, int64_t n) {
  int64_t i = 0;
#if defined(__F16C__)
  if constexpr (std::is_same_v<To, float> && std::is_same_v<From, Half>)
    for (; i + 8 <= n; i += 8)
      _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i*)(from + i))));
  if constexpr (std::is_same_v<To, Half> && std::is_same_v<From, float>)
    for (; i + 8 <= n; i += 8)
      _mm_storeu_si128((__m128i*)(to + i),
                       _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
#if defined(__AVX2__)
  if constexpr (std::is_same_v<To, BFloat16> && std::is_same_v<From, float>)
    for (; i + 16 <= n; i += 16) _mm256_storeu_si256((__m256i*)(to + i), bfloat16_bits(from + i));
#endif
#if defined(__AVX512F__)
  // Bound by the second-level cache: results fetched ahead, and halves of lines, which the stores
  // take better than whole ones.
  if constexpr (std::is_same_v<To, double> && std::is_same_v<From, float>)
    for (; i + 8 <= n; i += 8) {
      __builtin_prefetch(to + i + 64);
      _mm256_storeu_pd(to + i, _mm256_cvtps_pd(_mm_loadu_ps(from + i)));
      _mm256_storeu_pd(to + i + 4, _mm256_cvtps_pd(_mm_loadu_ps(from + i + 4)));
    }
#endif
  if constexpr (detours<To, From>)
    for (; i + cast_block <= n; i += cast_block)
      if (!cast_fitting(to + i, from + i))
        for (int64_t k = i; k < i + cast_block; ++k) to[k] = cast<To>(from[k]);
  for (; i < n; ++i) to[i] = cast<To>(from[i]);
}

}  // namespace izvod::kernels::IZVOD_ISA
