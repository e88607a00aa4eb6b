#pragma once
// Note [Streaming stores]
// A store to memory that no cache holds first reads the line. A result larger than the caches will
// have left them before anybody reads it, so its lines are written past them: two thirds of the
// traffic of y = f(x), three quarters of that of y = a + b. Results that may still be in a cache
// when they are read are stored as usual, and so are those that stand where an argument was read.
#include <algorithm>
#include <cstdint>
#include <cstring>
#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace izvod::kernels::IZVOD_ISA {

inline constexpr int64_t stream_from = int64_t(16) << 20;  // bytes of a result
// Bytes that are computed before they are stored past the caches. Memory is not read while a longer
// run of such stores is under way: of 4096 bytes at a time, y = a + b takes half as long again.
inline constexpr int64_t stream_piece = 512;

// Ends of stretches, in words: a line that is written half past the caches and half through them
// makes the way to memory twice.
static inline void stream_words(char* y, const char* x, int64_t bytes) {
  int64_t i = 0;
#if defined(__SSE2__)
  for (int word; i + 4 <= bytes; i += 4) {
    std::memcpy(&word, x + i, 4);
    _mm_stream_si32(reinterpret_cast<int*>(y + i), word);
  }
#endif
  for (; i < bytes; ++i) y[i] = x[i];
}

// What is computed from next. It is fetched between the stores of a piece: memory would not be read
// while these are under way.
struct Next {
  const void* data = nullptr;
  int64_t bytes = 0;
};

#if defined(__AVX512F__)
inline constexpr int64_t stream_step = 64;
#elif defined(__AVX__)
inline constexpr int64_t stream_step = 32;
#else
inline constexpr int64_t stream_step = 16;
#endif
// That many bytes; y is aligned to as many.
static inline void stream_one(char* y, const char* x) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(y), _mm512_loadu_si512(x));
#elif defined(__AVX__)
  _mm256_stream_si256(reinterpret_cast<__m256i*>(y),
                      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
#elif defined(__SSE2__)
  _mm_stream_si128(reinterpret_cast<__m128i*>(y),
                   _mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
#else
  std::memcpy(y, x, size_t(stream_step));
#endif
}

// A copy past the caches, step by step, while something else is computed. The calling thread must
// call stream_end before others read the result.
class Streaming {
 public:
  Streaming() = default;
  Streaming(void* to, const void* from, int64_t bytes)
      : y_(static_cast<char*>(to)), x_(static_cast<const char*>(from)), left_(bytes) {
    words(std::min<int64_t>(bytes, -reinterpret_cast<intptr_t>(y_) & (stream_step - 1)));
  }
  bool step() {
    if (left_ < stream_step) return false;
    stream_one(y_, x_);
    y_ += stream_step, x_ += stream_step, left_ -= stream_step;
    return true;
  }
  void rest() {
    while (step()) {
    }
    words(left_);
  }

 private:
  void words(int64_t bytes) {
    stream_words(y_, x_, bytes);
    y_ += bytes, x_ += bytes, left_ -= bytes;
  }
  char* y_ = nullptr;
  const char* x_ = nullptr;
  int64_t left_ = 0;
};

// The same at once.
static inline void stream(void* to, const void* from, int64_t bytes, Next next = {}) {
  Streaming copy(to, from, bytes);
  const int64_t share = next.bytes ? next.bytes * stream_step / bytes : 0;
  int64_t fetched = 0;
  for (int64_t due = share; copy.step(); due += share)
    for (; fetched < due; fetched += 64)
      __builtin_prefetch(static_cast<const char*>(next.data) + fetched);
  copy.rest();
}

static inline void stream_end() {
#if defined(__SSE2__)
  _mm_sfence();
#endif
}

}  // namespace izvod::kernels::IZVOD_ISA
