#include "tensor/storage.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace izvod {
namespace {

constexpr size_t inline_limit = 4096;

// Null where the system has none.
void* map_small_pages(size_t nbytes) {
  void* p = mmap(nullptr, nbytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return nullptr;
#ifdef MADV_NOHUGEPAGE
  madvise(p, nbytes, MADV_NOHUGEPAGE);  // one number written would take all of a huge page
#endif
  return p;
}

}  // namespace

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

Storage* Storage::make_header(Kind kind, void* data, size_t nbytes) {
  Block header = allocate(memory_alignment);
  auto* s = new (header.data) Storage;
  s->header_class_ = header.size_class;
  s->nbytes_ = nbytes;
  s->data_ = data;
  s->kind_ = kind;
  return s;
}

Ref<Storage> Storage::make_lazy_zeros(size_t nbytes) {
  if (void* const pages = map_small_pages(nbytes))
    return Ref<Storage>(make_header(Kind::LazyZeros, pages, nbytes));
  Ref<Storage> s = make(nbytes);
  std::memset(s->data(), 0, nbytes);
  return s;
}

Ref<Storage> Storage::borrow(void* data, size_t nbytes, void* owner, void (*drop)(void*)) {
  Storage* s = make_header(Kind::Borrowed, data, nbytes);
  s->owner_ = owner;
  s->drop_ = drop;
  return Ref<Storage>(s);
}

void Storage::destroy(Storage* s) {
  if (s->kind_ == Kind::Separate) release({s->data_, s->data_class_});
  if (s->kind_ == Kind::LazyZeros) munmap(s->data_, s->nbytes_);
  if (s->kind_ == Kind::Borrowed) s->drop_(s->owner_);
  release({s, s->header_class_});
}

}  // namespace izvod
