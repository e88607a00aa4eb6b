#include "tensor/allocator.h"

#include <sys/mman.h>

#include <bit>
#include <cstdlib>
#include <deque>
#include <vector>

#include "base/error.h"

namespace izvod {
namespace {

constexpr size_t fine_limit = 1024;             // below: multiples of 64
constexpr uint32_t fine_classes = fine_limit / 64;
constexpr size_t large_block = size_t(32) << 10;
constexpr size_t huge_page = size_t(2) << 20;
constexpr size_t slab_bytes = size_t(256) << 10;
constexpr size_t idle_allowance = size_t(256) << 20;
constexpr uint32_t class_count = fine_classes + 8 * 40;

uint32_t class_of(size_t bytes) {
  if (bytes <= fine_limit) return bytes ? uint32_t((bytes - 1) / 64) : 0;
  const int octave = std::bit_width(bytes - 1) - 1;             // 2^octave < bytes <= 2^(octave+1)
  const size_t step = size_t(1) << (octave - 3);
  return fine_classes + uint32_t(octave - 10) * 8 + uint32_t((bytes - 1 - (size_t(1) << octave)) / step);
}

size_t class_bytes(uint32_t c) {
  if (c < fine_classes) return size_t(c + 1) * 64;
  const uint32_t octave = 10 + (c - fine_classes) / 8, part = (c - fine_classes) % 8;
  return (size_t(1) << octave) + (size_t(part + 1) << (octave - 3));
}

struct Free {
  Free* next;
};

class Pool {
 public:
  Block allocate(size_t bytes) {
    check<MemoryError>(bytes < size_t(1) << 48, "not enough memory: you tried to allocate ", bytes, " bytes.");
    const uint32_t c = class_of(bytes);
    const size_t size = class_bytes(c);
    used_ += size;
    if (used_ > peak_) peak_ = used_;
    if (Free* f = free_[c]) {
      free_[c] = f->next;
      if (size >= large_block) idle_ -= size;
      return {f, c};
    }
    void* p = size < large_block ? carve(size) : map_large(size);
    if (!p) {
      used_ -= size;
      throw MemoryError(text("not enough memory: you tried to allocate ", bytes, " bytes."));
    }
    return {p, c};
  }

  void release(Block b) {
    const size_t size = class_bytes(b.size_class);
    used_ -= size;
    auto* f = static_cast<Free*>(b.data);
    f->next = free_[b.size_class];
    free_[b.size_class] = f;
    if (size >= large_block) {
      idle_ += size;
      order_.push_back(b.size_class);
    }
  }

  // Gives blocks back, those of the classes freed longest ago first, until at most `keep` bytes lie idle.
  void trim(size_t keep) {
    while (idle_ > keep && !order_.empty()) {
      const uint32_t c = order_.front();
      order_.pop_front();
      if (Free* f = free_[c]) {
        free_[c] = f->next;
        idle_ -= class_bytes(c);
        unmap_large(f, class_bytes(c));
      }
    }
    if (order_.size() > 100000) order_.clear();  // stale entries of blocks that were handed out again
  }

  MemoryStats stats() const { return {used_, idle_, peak_, requests_}; }

 private:
  void* carve(size_t size) {
    if (slab_left_ < size) {
      void* p = system_memory(slab_bytes);
      if (!p) return nullptr;
      slab_ = static_cast<char*>(p);
      slab_left_ = slab_bytes;
    }
    void* p = slab_;
    slab_ += size;
    slab_left_ -= size;
    return p;
  }

  void* map_large(size_t size) {
    if (idle_ > idle_allowance + used_ / 4) trim(idle_allowance / 2 + used_ / 8);
    if (void* p = system_memory(size)) return p;
    trim(0);
    return system_memory(size);
  }

  void* system_memory(size_t size) {
    ++requests_;
    if (size < huge_page) return std::aligned_alloc(memory_alignment, size);
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return nullptr;
#ifdef MADV_HUGEPAGE
    madvise(p, size, MADV_HUGEPAGE);
#endif
    return p;
  }

  static void unmap_large(void* p, size_t size) {
    if (size < huge_page)
      std::free(p);
    else
      munmap(p, size);
  }

  Free* free_[class_count] = {};
  std::deque<uint32_t> order_;
  char* slab_ = nullptr;
  size_t slab_left_ = 0, used_ = 0, idle_ = 0, peak_ = 0, requests_ = 0;
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
void empty_cache() { pool().trim(0); }

void* Pooled::operator new(size_t bytes) { return pool().allocate(bytes).data; }
void Pooled::operator delete(void* p, size_t bytes) { pool().release({p, class_of(bytes)}); }

}  // namespace izvod
