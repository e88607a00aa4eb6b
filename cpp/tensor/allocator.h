#pragma once
#include <cstddef>
#include <cstdint>

namespace izvod {

// Note [Memory]
// Touching a fresh page costs more than computing on it, and malloc more than a small kernel; so freed
// blocks are kept by size class and handed out again. Eight classes an octave waste at most an eighth.
// Blocks below `large_block` are cut from slabs and stay; larger ones are kept while what lies idle is
// small beside what is in use, and are given back, oldest first, when a request finds no fitting block.
// From 2 MiB on the system is asked for huge pages. Bookkeeping is under Note [One lock].
inline constexpr size_t memory_alignment = 64;

struct Block {
  void* data;
  uint32_t size_class;
};

// At least `bytes` bytes, aligned to 64. Throws MemoryError when the system has none left.
Block allocate(size_t bytes);
void release(Block block);

struct MemoryStats {
  size_t used, idle, peak;  // bytes in blocks handed out, kept, and the most ever handed out
  size_t requests;          // how often the system was asked for memory
};
MemoryStats memory_stats();
// Gives idle large blocks back to the system.
void empty_cache();

// Gives a class (graph nodes, tensors) the pool's new and delete.
struct Pooled {
  static void* operator new(size_t bytes);
  static void operator delete(void* p, size_t bytes);
};

}  // namespace izvod
