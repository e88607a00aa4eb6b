// Normal values, by Box and Muller (1958).
#include "kernels/random.h"
#include "kernels/random_fill.h"

namespace izvod::kernels::IZVOD_ISA {

// The float32 log and sincos of blocks: polynomials of the Cephes library (S. Moshier), evaluated
// with exactly these fused steps. A better log would give other bits. Everything here is selection
// and arithmetic, so the compiler makes vectors of it.
static inline float block_log(float x) {  // x in (0, 1]
  const int32_t bits = std::bit_cast<int32_t>(x);
  float e = float((bits >> 23) - 126);
  const float m = std::bit_cast<float>((bits & 0x007fffff) | 0x3f000000);  // [0.5, 1)
  const bool low = m < 0.707106781186547524f;
  const float t = low ? (m - 1.0f) + m : m - 1.0f;
  e = low ? e - 1.0f : e;
  const float z = t * t;
  float p = 7.0376836292e-2f;
  p = fused(p, t, -1.1514610310e-1f);
  p = fused(p, t, 1.1676998740e-1f);
  p = fused(p, t, -1.2420140846e-1f);
  p = fused(p, t, 1.4249322787e-1f);
  p = fused(p, t, -1.6668057665e-1f);
  p = fused(p, t, 2.0000714765e-1f);
  p = fused(p, t, -2.4999993993e-1f);
  p = fused(p, t, 3.3333331174e-1f);
  p = fused(p * t, z, e * -2.12194440e-4f);
  p = p - z * 0.5f;
  return fused(e, 0.693359375f, t + p);
}

struct SinCos {
  float sin, cos;
};
static inline SinCos block_sincos(float x) {  // x >= 0
  const int32_t j = (int32_t(x * 1.27323954473516f) + 1) & ~1;
  const float y = float(j);
  float r = fused(y, -0.78515625f, x);
  r = fused(y, -2.4187564849853515625e-4f, r);
  r = fused(y, -3.77489497744594108e-8f, r);
  const float z = r * r;
  float c = fused(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  c = z * fused(c, z, 4.166664568298827e-2f);
  c = fused(z, c, -(z * 0.5f)) + 1.0f;
  float s = fused(-1.9515295891e-4f, z, 8.3321608736e-3f);
  s = z * fused(s, z, -1.6666654611e-1f);
  s = fused(s, r, r);
  const bool straight = (j & 2) == 0;
  const float sine = straight ? s : c, cosine = straight ? c : s;
  return {(j & 4) ? -sine : sine, ((j - 2) & 4) ? cosine : -cosine};
}

// 16 uniforms become 16 normals: radii from the first eight, angles from the others.
static inline void block_normals(float* out, const uint32_t* w, float mean, float std) {
  for (int j = 0; j < 8; ++j) {
    const float radius = std::sqrt(block_log(1.0f - uniform24(w + j)) * -2.0f);
    const SinCos angle = block_sincos(uniform24(w + j + 8) * float(2.0 * M_PI));
    out[j] = fused(radius * angle.cos, std, mean);
    out[j + 8] = fused(radius * angle.sin, std, mean);
  }
}
static inline void block_normals(double* out, const uint32_t* w, double mean, double std) {
  for (int j = 0; j < 8; ++j) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform53(w + 2 * j)));
    const double theta = 2.0 * M_PI * uniform53(w + 2 * (j + 8));
    out[j] = fused(radius * std::cos(theta), std, mean);
    out[j + 8] = fused(radius * std::sin(theta), std, mean);
  }
}

// Row-major memory of n >= 16 elements. A rest of less than 16 is covered by a block of fresh draws
// that overlaps the one before; types that hold a draw in an element have drawn for the rest, too,
// before that.
template <class T>
static void normal_blocks(T* out, int64_t n, Generator* g, double mean, double std) {
  using Real = std::conditional_t<std::is_same_v<T, double>, double, float>;
  constexpr int draws = sizeof(Real) / 4;
  const auto block = [mean = Real(mean), std = Real(std)](T* to, const uint32_t* w) {
    Real made[16];
    block_normals(made, w, mean, std);
    for (int j = 0; j < 16; ++j) to[j] = T(made[j]);
  };
  const Generator::Hold hold(g);
  stream(*g, n / 16, 16 * draws, [&](const uint32_t* words, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) block(out + 16 * i, words + (i - begin) * 16 * draws);
  });
  if (n % 16 == 0) return;
  if (sizeof(T) >= 4) g->skip(n % 16 * draws);
  uint32_t words[16 * draws];
  g->draw(words, 16 * draws);
  block(out + n - 16, words);
}

static bool row_major(const View& x) {
  int64_t expected = 1;
  for (int64_t d = x.dim() - 1; d >= 0; --d) {
    if (x.sizes[d] == 1) continue;
    if (x.strides[d] != expected) return false;
    expected *= x.sizes[d];
  }
  return true;
}

// out = f(z) with serial normals z, in memory order.
template <class T, class F>
static void one_by_one(const View& out, Generator* g, F f) {
  const Loop<1> loop = in_memory_order<1>({&out});
  const int64_t step = loop.strides[0].back();
  const Generator::Hold hold(g);
  for_runs(loop, 0, loop.numel(), [&](const std::array<int64_t, 1>& at, int64_t n) {
    T* p = out.ptr<T>() + at[0];
    for (int64_t i = 0; i < n; ++i) p[i * step] = element<T>(f(one_normal(g)));
  });
}

static void normal(const View& out, Generator* g, double mean, double std) {
  visit_floating(out.dtype, [&]<class T>(Type<T>) {
    if (out.numel() >= 16 && row_major(out))
      return normal_blocks(out.ptr<T>(), out.numel(), g, mean, std);
    one_by_one<T>(out, g, [=](double z) { return fused(z, std, mean); });
  });
}

static void log_normal(const View& out, Generator* g, double mean, double std) {
  visit_floating(out.dtype, [&]<class T>(Type<T>) {
    one_by_one<T>(out, g, [=](double z) { return std::exp(fused(z, std, mean)); });
  });
}

static const Offer offers[] = {{kernels::normal, normal}, {kernels::log_normal, log_normal}};

}  // namespace izvod::kernels::IZVOD_ISA
