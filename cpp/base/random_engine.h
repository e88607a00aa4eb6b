#pragma once
// The Mersenne Twister MT19937 with torch's bookkeeping, so that streams and saved states are
// torch's. M. Matsumoto, T. Nishimura, "Mersenne twister", ACM TOMACS 8 (1998), with the seeding of
// 2002.
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

namespace izvod {

class Generator {
 public:
  static constexpr uint64_t default_seed = 67280421310721;
  static constexpr int64_t block = 624;         // words of state; they are renewed together
  static constexpr int64_t state_bytes = 5056;  // of torch's layout

  explicit Generator(uint64_t seed = default_seed) { manual_seed(seed); }

  // The words depend on the low 32 bits; initial_seed() gives back all of them. Forgets the kept
  // normal.
  void manual_seed(uint64_t seed);
  // Seeds from the system's entropy and returns that seed.
  uint64_t seed();
  uint64_t initial_seed() const;

  void get_state(std::span<uint8_t, state_bytes> out) const;
  // RuntimeError for another length and for a state that no generator can be in; it is kept as it
  // was then.
  void set_state(std::span<const uint8_t> state);

  // Note [Who may draw]
  // A generator can be shared by threads; each call that draws gets all its draws in a row.
  // stream() and the methods above hold the generator by themselves, whoever calls the methods
  // below holds it meanwhile. It may be held by one thread several times over, and while a loop
  // runs on other threads: who waits for it lets other Python threads run (see Note [One lock]), so
  // the one that has it never waits for the one that wants it.
  class Hold {
   public:
    explicit Hold(const Generator* g);
    ~Hold();
    Hold(const Hold&) = delete;

   private:
    const Generator* g_;
  };

  // One draw, and two of them, the high half first.
  uint32_t draw32();
  uint64_t draw64();
  // In [0, 1), a multiple of 2^-53.
  double uniform();
  // n draws at once.
  void draw(uint32_t* out, int64_t n);
  void skip(int64_t n);

  // Of a pair of normals made at once the second is kept for the next call, whatever its dtype.
  std::optional<double> kept_normal;

 private:
  template <class F>
  friend void stream(Generator& g, int64_t units, int64_t draws, F&& use);
  static void run_stream(Generator& g, int64_t units, int64_t draws,
                         void (*use)(void*, uint32_t*, int64_t, int64_t), void* context);
  uint32_t* take(uint32_t* buffer, int64_t n);

  mutable std::recursive_mutex mutex_;
  uint64_t seed_;
  int64_t left_, next_;  // draws until the next renewal, counting that one; the next word
  uint32_t state_[block];
};

// The draw that a word of the sequence stands for. Always inlined, as kernels for several
// instruction sets use it.
[[gnu::always_inline]] inline uint32_t tempered(uint32_t y) {
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

// Calls use(words, begin, end) for consecutive ranges of [0, units), where words are the `draws`
// draws of each of these units. Ranges after the first may come on other threads and in any order,
// but the words are those of a loop over the units. `use` does not throw.
template <class F>
void stream(Generator& g, int64_t units, int64_t draws, F&& use) {
  auto temper = [&](uint32_t* words, int64_t begin, int64_t end) {
    for (int64_t i = 0; i < (end - begin) * draws; ++i) words[i] = tempered(words[i]);
    use(std::as_const(words), begin, end);
  };
  Generator::run_stream(
      g, units, draws,
      [](void* f, uint32_t* words, int64_t begin, int64_t end) {
        (*static_cast<decltype(temper)*>(f))(words, begin, end);
      },
      &temper);
}

// Seeded from the system's entropy when first asked for.
Generator& default_generator();
inline Generator* generator_or_default(Generator* g) { return g ? g : &default_generator(); }

}  // namespace izvod
