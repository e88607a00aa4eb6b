#include "tensor/allocator.h"

#include <bit>
#include <utility>

#include "base/error.h"
#include "tensor/large_blocks.h"

namespace izvod {
namespace {

constexpr size_t fine_limit = 1024;  // up to here: multiples of 64
constexpr uint32_t fine_classes = fine_limit / 64;
constexpr size_t medium_block = size_t(32) << 10;  // from here: whole pages
constexpr size_t class_limit = size_t(256) << 10;
constexpr uint32_t class_count = fine_classes + 8 * 8;
constexpr size_t slab_bytes = size_t(256) << 10;
constexpr size_t page = LargeBlocks::page;

uint32_t class_of(size_t bytes) {
  if (bytes <= fine_limit) return bytes ? uint32_t((bytes - 1) / 64) : 0;
  const int octave = std::bit_width(bytes - 1) - 1;  // 2^octave < bytes <= 2^(octave+1)
  const size_t step = size_t(1) << (octave - 3);
  return fine_classes + uint32_t(octave - 10) * 8 +
         uint32_t((bytes - 1 - (size_t(1) << octave)) / step);
}

size_t class_bytes(uint32_t c) {
  if (c < fine_classes) return size_t(c + 1) * 64;
  const uint32_t octave = 10 + (c - fine_classes) / 8, part = (c - fine_classes) % 8;
  return (size_t(1) << octave) + (size_t(part + 1) << (octave - 3));
}

struct Free {
  Free* next;
};

[[noreturn]] void out_of_memory(size_t bytes) {
  throw MemoryError(text("not enough memory: you tried to allocate ", bytes, " bytes."));
}

class Pool {
 public:
  Block allocate(size_t bytes) {
    if (bytes > class_limit) [[unlikely]]
      return allocate_large(bytes);
    const uint32_t c = class_of(bytes);
    const size_t size = class_bytes(c);
    void* data;
    if (Free* f = free_[c]) {
      free_[c] = f->next;
      if (size >= medium_block) idle_ -= size;
      data = f;
    } else {
      data = size < medium_block ? carve(size, bytes) : from_ranges(size, bytes);
    }
    use(size);
    return {data, c};
  }

  void release(Block b) {
    if (b.size_class >= class_count) [[unlikely]]
      return release_large(b);
    const size_t size = class_bytes(b.size_class);
    used_ -= size;
    auto* f = static_cast<Free*>(b.data);
    f->next = free_[b.size_class];
    free_[b.size_class] = f;
    if (size >= medium_block) idle_ += size;
  }

  void empty_cache() {
    empty_lists();
    large_.shrink(large_.idle());
  }

  MemoryStats stats() const {
    return {used_, idle_ + large_.idle(), peak_, large_.requests(), large_.moved()};
  }

 private:
  void use(size_t size) {
    used_ += size;
    if (used_ > peak_) peak_ = used_;
  }

  Block allocate_large(size_t bytes) {
    if (bytes >= size_t(1) << 43) out_of_memory(bytes);
    const size_t pages = (bytes + page - 1) / page;
    void* data = from_ranges(pages * page, bytes);
    use(pages * page);
    return {data, uint32_t(class_count + pages)};
  }

  void release_large(Block b) {
    const size_t size = (b.size_class - class_count) * page;
    used_ -= size;
    large_.give(b.data, size);
  }

  void* carve(size_t size, size_t asked) {
    if (slab_left_ < size) {
      slab_ = static_cast<char*>(from_ranges(slab_bytes, asked));
      slab_left_ = slab_bytes;
    }
    slab_left_ -= size;
    return std::exchange(slab_, slab_ + size);
  }

  void* from_ranges(size_t size, size_t asked) {
    if (void* p = large_.take(size)) return p;
    empty_lists();
    if (void* p = large_.take(size)) return p;
    if (!large_.grow(size)) {
      large_.shrink(large_.idle());
      if (!large_.grow(size)) out_of_memory(asked);
    }
    return large_.take(size);
  }

  void empty_lists() {
    for (uint32_t c = class_of(medium_block); c < class_count; ++c)
      while (Free* f = free_[c]) {
        free_[c] = f->next;
        large_.give(f, class_bytes(c));
      }
    idle_ = 0;
  }

  Free* free_[class_count] = {};
  char* slab_ = nullptr;
  size_t slab_left_ = 0, used_ = 0, idle_ = 0, peak_ = 0;
  LargeBlocks large_;
};

// Never destroyed: tensors held by Python may outlive static objects.
Pool& pool() {
  static Pool& p = *new Pool;
  return p;
}

}  // namespace

Block allocate(size_t bytes) { return pool().allocate(bytes); }
void release(Block block) { pool().release(block); }
MemoryStats memory_stats() { return pool().stats(); }
void empty_cache() { pool().empty_cache(); }

void* Pooled::operator new(size_t bytes) { return pool().allocate(bytes).data; }
void Pooled::operator delete(void* p, size_t bytes) { pool().release({p, class_of(bytes)}); }

}  // namespace izvod
