#include "tensor/storage.h"

#include <new>

namespace izvod {
namespace {
constexpr size_t inline_limit = 4096;
}

Ref<Storage> Storage::make(size_t nbytes) {
  const bool small = nbytes <= inline_limit;
  Block header = allocate(memory_alignment + (small ? nbytes : 0));
  auto* s = new (header.data) Storage;
  s->header_class_ = header.size_class;
  s->nbytes_ = nbytes;
  Ref<Storage> r(s);
  if (small) {
    s->kind_ = Kind::Inline;
    s->data_ = static_cast<char*>(header.data) + memory_alignment;
    return r;
  }
  s->kind_ = Kind::Inline;  // until the data are there: a failed allocation frees the header alone
  Block data = allocate(nbytes);
  s->kind_ = Kind::Separate;
  s->data_ = data.data;
  s->data_class_ = data.size_class;
  return r;
}

Ref<Storage> Storage::borrow(void* data, size_t nbytes, void* owner, void (*drop)(void*)) {
  Block header = allocate(memory_alignment);
  auto* s = new (header.data) Storage;
  s->header_class_ = header.size_class;
  s->nbytes_ = nbytes;
  s->data_ = data;
  s->kind_ = Kind::Borrowed;
  s->owner_ = owner;
  s->drop_ = drop;
  return Ref<Storage>(s);
}

void Storage::destroy(Storage* s) {
  if (s->kind_ == Kind::Separate) release({s->data_, s->data_class_});
  if (s->kind_ == Kind::Borrowed) s->drop_(s->owner_);
  release({s, s->header_class_});
}

}  // namespace izvod
