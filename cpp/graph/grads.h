#pragma once
#include <initializer_list>
#include <vector>

#include "tensor/tensor.h"

namespace izvod {

// A list of gradients (an undefined tensor stands for zero); up to three lie inside.
class Grads {
 public:
  Grads() = default;
  Grads(std::initializer_list<Tensor> ts) {
    for (const Tensor& t : ts) push_back(t);
  }
  explicit Grads(int64_t n) { resize(n); }

  int64_t size() const { return size_; }
  Tensor& operator[](int64_t i) { return more_.empty() ? few_[i] : more_[size_t(i)]; }
  const Tensor& operator[](int64_t i) const { return more_.empty() ? few_[i] : more_[size_t(i)]; }
  Tensor* begin() { return more_.empty() ? few_ : more_.data(); }
  Tensor* end() { return begin() + size_; }
  const Tensor* begin() const { return more_.empty() ? few_ : more_.data(); }
  const Tensor* end() const { return begin() + size_; }

  void resize(int64_t n) {
    if (n > inside && more_.empty()) {
      more_.resize(size_t(n));
      for (int64_t i = 0; i < size_; ++i) more_[size_t(i)] = std::move(few_[i]);
    } else if (!more_.empty()) {
      more_.resize(size_t(n));
    }
    size_ = n;
  }
  void push_back(Tensor t) {
    resize(size_ + 1);
    (*this)[size_ - 1] = std::move(t);
  }

 private:
  static constexpr int64_t inside = 3;
  Tensor few_[inside];
  std::vector<Tensor> more_;
  int64_t size_ = 0;
};

}  // namespace izvod
