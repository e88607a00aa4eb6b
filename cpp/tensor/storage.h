#pragma once
#include "base/ref.h"
#include "tensor/allocator.h"

namespace izvod {

// Note [Lazy zeros]
// Most rows of an embedding's gradient are zero, and so are the moments that an optimizer keeps for
// tokens it has never seen. Lazy zeros are pages that the system has promised and not yet given:
// read, each is the system's one page of zeros, and it takes memory only once it is written. Who
// writes them leaves alone what would not change (kernels/optimizers.cpp). Reading a page for the
// first time costs a microsecond, so they are for large memory, most of which stays zero.

// Bytes that tensors share, and the counter that in-place operations raise. Small data lie in the
// same block, right behind this header.
class Storage {
 public:
  static Ref<Storage> make(size_t nbytes);
  // See Note [Lazy zeros].
  static Ref<Storage> make_lazy_zeros(size_t nbytes);
  // Memory of somebody else's (numpy): drop(owner) is called when the last tensor lets go.
  static Ref<Storage> borrow(void* data, size_t nbytes, void* owner, void (*drop)(void*));
  static void destroy(Storage* s);

  void* data() const { return data_; }
  size_t nbytes() const { return nbytes_; }
  bool is_lazy_zeros() const { return kind_ == Kind::LazyZeros; }
  bool is_borrowed() const { return kind_ == Kind::Borrowed; }

  uint32_t refs = 0;
  uint32_t version = 0;

 private:
  enum class Kind : uint8_t { Inline, Separate, LazyZeros, Borrowed };
  static Storage* make_header(Kind kind, void* data, size_t nbytes);
  void* data_;
  size_t nbytes_;
  uint32_t header_class_, data_class_;
  Kind kind_;
  void* owner_ = nullptr;
  void (*drop_)(void*) = nullptr;
};
static_assert(sizeof(Storage) <= memory_alignment);

}  // namespace izvod
