#include "bind/function.h"
#include "bind/rows.h"
#include "ops/arithmetic.h"
#include "ops/matmul.h"
#include "ops/qr.h"

namespace izvod::bind {

void add_matmul_rows() {
  def<"matmul">("input, other", matmul);
  def<"mm">("input, mat2", mm);
  def<"bmm">("input, mat2", bmm);
  def<"mv">("input, vec", mv);
  def<"dot">("input, tensor", dot);
  def<"inner">("input, other", [](const Tensor& a, const Tensor& b) {
    return a.dim() && b.dim() ? linear(a, b, Tensor()) : mul(a, b);
  });
  def<"outer">("input, vec2", outer);
  def<"ger">("input, vec2", outer);
  def<"addmm">("input, mat1, mat2, *, beta=1, alpha=1", addmm);
  def<"_addmm_activation">("input, mat1, mat2, *, beta=1, alpha=1, use_gelu=False",
                           addmm_activation);
  def<"addmv">("input, mat, vec, *, beta=1, alpha=1", addmv);
  def<"baddbmm">("input, batch1, batch2, *, beta=1, alpha=1", baddbmm);
  def<"_qr", InModule>("input", [](const Tensor& a) {
    auto [q, r] = qr(a);
    return std::vector<Tensor>{q, r};
  });
  def<"einsum", InModule>({overload("equation, *operands", einsum)});
  def<"linear", InNN>("input, weight, bias=None",
                      [](const Tensor& x, const Tensor& w, std::optional<Tensor> b) {
                        return linear(x, w, b.value_or(Tensor()));
                      });
}

}  // namespace izvod::bind
