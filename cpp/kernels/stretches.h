#pragma once
// Copies of many stretches of one length: how it is done is found out once for all of them, and
// none of them is a call.
#include <cstdint>
#include <cstring>

namespace izvod::kernels::IZVOD_ISA {

// A piece or more, the middle ones where they fall into lines; the first and the last may overlap
// their neighbours.
template <int64_t piece>
static inline void copy_pieces(char* to, const char* from, int64_t bytes) {
  const auto copy_one = [&](int64_t at) { std::memcpy(to + at, from + at, piece); };
  copy_one(0);
  for (int64_t i = piece - (reinterpret_cast<intptr_t>(to) & (piece - 1)); i + piece <= bytes;
       i += piece)
    copy_one(i);
  copy_one(bytes - piece);
}

// One or two pieces.
template <int64_t piece>
static inline void copy_ends(char* to, const char* from, int64_t bytes) {
  std::memcpy(to, from, piece);
  std::memcpy(to + bytes - piece, from + bytes - piece, piece);
}

// One stretch. memcpy takes an instruction for long ones (rep movsb) that crawls where both ends
// lie in the same place of a page but for a few bytes.
static inline void copy_stretch(void* to, const void* from, int64_t bytes) {
  if (bytes > 128)
    copy_pieces<64>(static_cast<char*>(to), static_cast<const char*>(from), bytes);
  else
    std::memcpy(to, from, size_t(bytes));
}

// f(copy), where copy(to, from) copies `bytes` bytes.
template <class F>
[[gnu::always_inline]] static inline void with_copy(int64_t bytes, F&& f) {
  if (bytes > 128)
    f([=](char* to, const char* from) { copy_pieces<64>(to, from, bytes); });
  else if (bytes > 64)
    f([=](char* to, const char* from) { copy_ends<64>(to, from, bytes); });
  else if (bytes >= 32)
    f([=](char* to, const char* from) { copy_ends<32>(to, from, bytes); });
  else if (bytes >= 16)
    f([=](char* to, const char* from) { copy_ends<16>(to, from, bytes); });
  else if (bytes >= 8)
    f([=](char* to, const char* from) { copy_ends<8>(to, from, bytes); });
  else if (bytes >= 4)
    f([=](char* to, const char* from) { copy_ends<4>(to, from, bytes); });
  else
    f([=](char* to, const char* from) {
      for (int64_t i = 0; i < bytes; ++i) to[i] = from[i];
    });
}

}  // namespace izvod::kernels::IZVOD_ISA
