#pragma once
#include <concepts>

#include "graph/inline_list.h"
#include "tensor/tensor.h"

namespace izvod {

// A list of gradients (an undefined tensor stands for zero); up to three lie inside.
class Grads : public InlineList<Tensor, 3> {
  using List = InlineList<Tensor, 3>;

 public:
  Grads() = default;
  // Grads{dx, dy}. One tensor does not turn into a list by itself: derivatives are told apart by
  // what they take.
  template <class... Ts>
    requires(sizeof...(Ts) > 0 && (std::same_as<std::remove_cvref_t<Ts>, Tensor> && ...))
  explicit(sizeof...(Ts) == 1) Grads(Ts&&... ts) {
    reserve(sizeof...(Ts));
    (emplace_back(std::forward<Ts>(ts)), ...);
  }
  explicit Grads(int64_t n) { resize(n); }

  int64_t size() const { return int64_t(List::size()); }
  void resize(int64_t n) { List::resize(size_t(n)); }
  Tensor& operator[](int64_t i) { return begin()[i]; }
  const Tensor& operator[](int64_t i) const { return begin()[i]; }
  bool any_defined() const {
    for (const Tensor& g : *this)
      if (g.defined()) return true;
    return false;
  }
};

}  // namespace izvod
