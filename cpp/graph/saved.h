#pragma once
#include <tuple>

#include "graph/autograd.h"

namespace izvod {

// What a user's pack hook made of a saved tensor (autograd.graph.saved_tensors_hooks).
struct Packed {
  uint32_t refs = 0;
  virtual ~Packed() = default;
  virtual Tensor unpack() = 0;
  static void destroy(Packed* p) { delete p; }
};
class SavedTensorHooks {
 public:
  virtual ~SavedTensorHooks() = default;
  virtual Ref<Packed> pack(const Tensor& x) = 0;
};

// A tensor that a derivative needs again. Reading it back checks that nobody changed it in between.
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor& x) : tensor_(x), version_(x.defined() ? x.version() : 0) {
    if (x.defined() && (modes().saved_hooks || x.impl()->inference)) [[unlikely]]
      pack_or_complain();
  }
  Tensor operator()() const {
    if (packed_) [[unlikely]]
      return unpack();
    if (tensor_.defined() && tensor_.version() != version_) [[unlikely]]
      complain();
    return tensor_;
  }

 protected:
  [[noreturn]] void complain() const;
  void pack_or_complain();
  Tensor unpack() const;
  Tensor tensor_;
  Ref<Packed> packed_;  // instead of the tensor
  uint32_t version_ = 0;
  bool is_output_ = false;
  int output_ = 0;
};

// The op's own result. Keeping it as it is would be a cycle (result -> node -> result), so the
// memory is kept under a new name, and the history is put back when second derivatives are asked
// for.
class SavedOutput : public Saved {
 public:
  explicit SavedOutput(const Tensor& y, int output = 0) : Saved(alias(y)) {
    is_output_ = true;
    output_ = output;
  }
  SavedOutput() = default;
  Tensor operator()() const { return grad_enabled() ? with_history() : Saved::operator()(); }
  // As an output of the node that runs now.
  Tensor with_history() const;
};

class SavedList {
 public:
  SavedList() = default;
  explicit SavedList(const std::vector<Tensor>& xs) : items_(xs.begin(), xs.end()) {}
  std::vector<Tensor> operator()() const {
    std::vector<Tensor> xs;
    for (const Saved& s : items_) xs.push_back(s());
    return xs;
  }

 private:
  std::vector<Saved> items_;
};

inline SavedOutput output(const Tensor& y, int number = 0) { return SavedOutput(y, number); }
inline Saved as_saved(const Tensor& x) { return Saved(x); }
inline SavedOutput as_saved(SavedOutput y) { return y; }
inline SavedList as_saved(const std::vector<Tensor>& xs) { return SavedList(xs); }

// saved(x, output(y), list): what a derivative is given again, in this order, behind the gradient.
template <class... Ts>
auto saved(Ts&&... ts) {
  return std::make_tuple(as_saved(std::forward<Ts>(ts))...);
}

// Where saved tensors are read after they were let go.
[[noreturn]] void complain_released();

}  // namespace izvod
