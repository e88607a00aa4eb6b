#pragma once
#include "base/ref.h"
#include "tensor/allocator.h"

namespace izvod {

// Bytes that tensors share, and the counter that in-place operations raise. Small data lie in the
// same block, right behind this header.
class Storage {
 public:
  static Ref<Storage> make(size_t nbytes);
  // Memory of somebody else's (numpy): drop(owner) is called when the last tensor lets go.
  static Ref<Storage> borrow(void* data, size_t nbytes, void* owner, void (*drop)(void*));
  static void destroy(Storage* s);

  void* data() const { return data_; }
  size_t nbytes() const { return nbytes_; }

  uint32_t refs = 0;
  uint32_t version = 0;

 private:
  enum class Kind : uint8_t { Inline, Separate, Borrowed };
  void* data_;
  size_t nbytes_;
  uint32_t header_class_, data_class_;
  Kind kind_;
  void* owner_ = nullptr;
  void (*drop_)(void*) = nullptr;
};
static_assert(sizeof(Storage) <= memory_alignment);

}  // namespace izvod
