#include "bind/function.h"
#include "bind/rows.h"
#include "ops/arithmetic.h"
#include "ops/counting.h"
#include "ops/item.h"
#include "ops/reduction.h"
#include "ops/scan.h"
#include "ops/sorting.h"

namespace izvod::bind {
namespace {

using MaybeDType = std::optional<DType>;
using MaybeDims = std::optional<Dims>;
using MaybeInt = std::optional<int64_t>;
using MaybeDouble = std::optional<double>;
using Pair = std::pair<Tensor, Tensor>;

NamedResults named(const char* op, const char* first, const char* second, const Pair& p) {
  return {op, {{first, p.first}, {second, p.second}}};
}
std::vector<Tensor> both(const Pair& p) { return {p.first, p.second}; }
Dims dims_of(const MaybeDims& d) { return d.value_or(Dims()); }
bool is_true(const Tensor& x) { return item(x).i != 0; }
bool all_equal(const Tensor& a, const Tensor& b) { return is_true(all(eq(a, b))); }

// unbiased is the old name of correction: True is 1, False 0.
double correction_of(MaybeDouble correction, std::optional<bool> unbiased) {
  return correction.value_or(unbiased.value_or(true) ? 1 : 0);
}

void add_sums() {
  def<"sum">(
      {overload("input, *, dtype=None", [](const Tensor& x, MaybeDType t) { return sum(x, t); }),
       overload("input, dim, keepdim=False, *, dtype=None",
                [](const Tensor& x, MaybeDims d, bool k, MaybeDType t) {
                  return sum(x, dims_of(d), k, t);
                }),
       overload("input, axis, keepdims=False, *, dtype=None",
                [](const Tensor& x, MaybeDims d, bool k, MaybeDType t) {
                  return sum(x, dims_of(d), k, t);
                })});
  def<"mean">(
      {overload("input, *, dtype=None", [](const Tensor& x, MaybeDType t) { return mean(x, t); }),
       overload("input, dim, keepdim=False, *, dtype=None",
                [](const Tensor& x, MaybeDims d, bool k, MaybeDType t) {
                  return mean(x, dims_of(d), k, t);
                }),
       overload("input, axis, keepdims=False, *, dtype=None",
                [](const Tensor& x, MaybeDims d, bool k, MaybeDType t) {
                  return mean(x, dims_of(d), k, t);
                })});
  def<"prod">(
      {overload("input, *, dtype=None", [](const Tensor& x, MaybeDType t) { return prod(x, t); }),
       overload(
           "input, dim, keepdim=False, *, dtype=None",
           [](const Tensor& x, int64_t d, bool k, MaybeDType t) { return prod(x, d, k, t); })});
  def<"cumsum">("input, dim, *, dtype=None", cumsum);
  def<"cumprod">("input, dim, *, dtype=None", cumprod);
  def<"cummax">("input, dim", [](const Tensor& x, int64_t d) {
    return named("cummax", "values", "indices", cummax(x, d));
  });
  def<"cummin">("input, dim", [](const Tensor& x, int64_t d) {
    return named("cummin", "values", "indices", cummin(x, d));
  });
  def<"count_nonzero">("input, dim=None",
                       [](const Tensor& x, MaybeDims d) { return count_nonzero(x, dims_of(d)); });
  def<"logsumexp">("input, dim, keepdim=False", logsumexp);
  const char* norm_parameters = "input, p='fro', dim=None, keepdim=False, dtype=None";
  def<"norm">(
      {overload(norm_parameters,
                [](const Tensor& x, const std::string& p, MaybeDims d, bool k, MaybeDType t) {
                  check<NotImplementedError>(p == "fro", "norm: p must be a number or 'fro', got '",
                                             p, "'");
                  return vector_norm(x, 2, dims_of(d), k, t);
                }),
       overload(norm_parameters,
                [](const Tensor& x, MaybeDouble p, MaybeDims d, bool k, MaybeDType t) {
                  return vector_norm(x, p.value_or(2), dims_of(d), k, t);
                })});
  def<"vector_norm", InModule>("x, ord=2, dim=None, keepdim=False, *, dtype=None",
                               [](const Tensor& x, double p, MaybeDims d, bool k, MaybeDType t) {
                                 return vector_norm(x, p, dims_of(d), k, t);
                               });
}

void add_moments() {
  const char* all = "input, unbiased=None, *, correction=None";
  const char* some = "input, dim=None, unbiased=None, keepdim=False, *, correction=None";
#define ROWS(name, function)                                                                    \
  def<name>({overload(all, [](const Tensor& x, std::optional<bool> u,                           \
                              MaybeDouble c) { return function(x, {}, correction_of(c, u)); }), \
             overload(some, [](const Tensor& x, MaybeDims d, std::optional<bool> u, bool k,     \
                               MaybeDouble c) {                                                 \
               return function(x, dims_of(d), correction_of(c, u), k);                          \
             })});
  ROWS("var", var)
  ROWS("std", stddev)
#undef ROWS
  def<"var_mean", InModule>(
      {overload(all, [](const Tensor& x, std::optional<bool> u,
                        MaybeDouble c) { return both(var_mean(x, {}, correction_of(c, u))); }),
       overload(some,
                [](const Tensor& x, MaybeDims d, std::optional<bool> u, bool k, MaybeDouble c) {
                  return both(var_mean(x, dims_of(d), correction_of(c, u), k));
                })});
  def<"std_mean", InModule>(
      {overload(all, [](const Tensor& x, std::optional<bool> u,
                        MaybeDouble c) { return both(std_mean(x, {}, correction_of(c, u))); }),
       overload(some,
                [](const Tensor& x, MaybeDims d, std::optional<bool> u, bool k, MaybeDouble c) {
                  return both(std_mean(x, dims_of(d), correction_of(c, u), k));
                })});
}

void add_extremes() {
  def<"max">(
      {overload("input", [](const Tensor& x) { return max(x); }),
       overload("input, dim, keepdim=False",
                [](const Tensor& x, int64_t d, bool k) {
                  return named("max", "values", "indices", max(x, d, k));
                }),
       overload("input, other", [](const Tensor& a, const Tensor& b) { return maximum(a, b); })});
  def<"min">(
      {overload("input", [](const Tensor& x) { return min(x); }),
       overload("input, dim, keepdim=False",
                [](const Tensor& x, int64_t d, bool k) {
                  return named("min", "values", "indices", min(x, d, k));
                }),
       overload("input, other", [](const Tensor& a, const Tensor& b) { return minimum(a, b); })});
  def<"amax">("input, dim=(), keepdim=False", amax);
  def<"amin">("input, dim=(), keepdim=False", amin);
  def<"aminmax">("input, *, dim=None, keepdim=False", [](const Tensor& x, MaybeInt d, bool k) {
    return named("aminmax", "min", "max", aminmax(x, d, k));
  });
  def<"argmax">("input, dim=None, keepdim=False", argmax);
  def<"argmin">("input, dim=None, keepdim=False", argmin);
  def<"any">("input, dim=None, keepdim=False", any);
  def<"all">("input, dim=None, keepdim=False", all);
  def<"equal">("input, other", [](const Tensor& a, const Tensor& b) {
    return a.sizes() == b.sizes() && all_equal(a, b);
  });
  def<"allclose">("input, other, rtol=1e-05, atol=1e-08, equal_nan=False",
                  [](const Tensor& a, const Tensor& b, double r, double t, bool n) {
                    return is_true(all(isclose(a, b, r, t, n)));
                  });
}

void add_order() {
  def<"sort">({overload("input, dim=-1, descending=False, stable=False",
                        [](const Tensor& x, int64_t d, bool down, bool) {
                          return named("sort", "values", "indices", sort(x, d, down));
                        })});
  def<"argsort">("input, dim=-1, descending=False, stable=False",
                 [](const Tensor& x, int64_t d, bool down, bool) { return argsort(x, d, down); });
  def<"topk">("input, k, dim=-1, largest=True, sorted=True",
              [](const Tensor& x, int64_t k, int64_t d, bool largest, bool) {
                return named("topk", "values", "indices", topk(x, k, d, largest));
              });
  def<"msort">("input", [](const Tensor& x) { return sort(x, 0).first; });
  def<"kthvalue">("input, k, dim=-1, keepdim=False",
                  [](const Tensor& x, int64_t k, int64_t d, bool keep) {
                    return named("kthvalue", "values", "indices", kthvalue(x, k, d, keep));
                  });
  def<"median">({overload("input", [](const Tensor& x) { return median(x); }),
                 overload("input, dim, keepdim=False", [](const Tensor& x, int64_t d, bool k) {
                   return named("median", "values", "indices", median(x, d, k));
                 })});
  def<"_bincount", InModule>("input, minlength", bincount);
  def<"_searchsorted", InModule>("sorted_sequence, input, right", searchsorted);
}

}  // namespace

void add_reduction_rows() {
  add_sums();
  add_moments();
  add_extremes();
  add_order();
}

}  // namespace izvod::bind
