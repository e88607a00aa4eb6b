// Blocks cut from ranges: where they lie, what they keep, and what becomes of them together.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "base/huge_pages.h"
#include "tensor/allocator.h"
#include "tensor/large_blocks.h"

namespace izvod {
namespace {

constexpr size_t page = LargeBlocks::page;

char* taken(LargeBlocks& blocks, size_t bytes) {
  void* p = blocks.take(bytes);
  if (!p && blocks.grow(bytes)) p = blocks.take(bytes);
  return static_cast<char*>(p);
}

TEST(LargeBlocks, NeighboursMergeInAnyOrder) {
  for (int order = 0; order < 3; ++order) {
    LargeBlocks blocks;
    char* whole = taken(blocks, huge_page);
    blocks.give(whole, huge_page);
    char* parts[4];
    for (char*& part : parts) part = static_cast<char*>(blocks.take(huge_page / 4));
    EXPECT_EQ(blocks.take(page), nullptr);
    const int orders[3][4] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}};
    for (int i : orders[order]) blocks.give(parts[i], huge_page / 4);
    EXPECT_EQ(blocks.take(huge_page), whole);
    blocks.give(whole, huge_page);
    EXPECT_EQ(blocks.requests(), 1u);
    blocks.shrink(huge_page);
    EXPECT_EQ(blocks.mapped(), 0u);
  }
}

TEST(LargeBlocks, ShortestFitIsCut) {
  LargeBlocks blocks;
  char* whole = taken(blocks, 16 * page);  // a huge page
  blocks.give(whole, 16 * page);
  std::vector<char*> row;
  for (size_t n : {4, 1, 2, 1, 3, 1}) row.push_back(static_cast<char*>(blocks.take(n * page)));
  blocks.give(row[0], 4 * page);
  blocks.give(row[2], 2 * page);
  blocks.give(row[4], 3 * page);
  EXPECT_EQ(blocks.take(2 * page), row[2]);
  EXPECT_EQ(blocks.take(2 * page), row[4] + page);  // of three pages, the high end
  EXPECT_EQ(blocks.take(page), row[4]);
  EXPECT_EQ(blocks.take(4 * page), row[0]);
}

// Every other block of twenty is free: enough for a block of ten, once its pages lie side by side.
TEST(LargeBlocks, IdlePagesMoveTogether) {
  LargeBlocks blocks;
  constexpr size_t size = 2 * huge_page;
  std::vector<char*> row(20);
  char* whole = taken(blocks, row.size() * size);
  blocks.give(whole, row.size() * size);
  for (size_t i = 0; i < row.size(); ++i) {
    row[i] = static_cast<char*>(blocks.take(size));
    std::memset(row[i], int(i), size);
  }
  for (size_t i = 0; i < row.size(); i += 2) blocks.give(row[i], size);
  const size_t mapped = blocks.mapped();
  EXPECT_EQ(blocks.take(10 * size), nullptr);
  char* big = taken(blocks, 10 * size);
  ASSERT_NE(big, nullptr);
  EXPECT_EQ(blocks.requests(), 1u);
  EXPECT_EQ(blocks.moved(), 10 * size);
  EXPECT_EQ(blocks.mapped(), mapped);
  EXPECT_EQ(blocks.idle(), 0u);
  std::memset(big, 99, 10 * size);
  for (size_t i = 1; i < row.size(); i += 2)
    for (size_t at : {size_t(0), size / 2, size - 1}) EXPECT_EQ(row[i][at], char(i));
}

TEST(LargeBlocks, OnlyWhatIsMissingIsAskedFor) {
  LargeBlocks blocks;
  char* a = taken(blocks, 3 * huge_page);
  char* b = taken(blocks, huge_page);
  blocks.give(a, 3 * huge_page);
  char* c = taken(blocks, 5 * huge_page);
  EXPECT_EQ(blocks.mapped(), 6 * huge_page);
  EXPECT_EQ(blocks.moved(), 3 * huge_page);
  blocks.give(b, huge_page);
  blocks.give(c, 5 * huge_page);
  blocks.shrink(huge_page / 2);
  EXPECT_EQ(blocks.mapped(), 5 * huge_page);
  blocks.shrink(blocks.idle());
  EXPECT_EQ(blocks.mapped(), 0u);
}

TEST(LargeBlocks, TooMuchChangesNothing) {
  LargeBlocks blocks;
  char* a = taken(blocks, huge_page);
  blocks.give(a, huge_page);
  EXPECT_FALSE(blocks.grow(size_t(1) << 60));
  EXPECT_EQ(blocks.mapped(), huge_page);
  EXPECT_EQ(blocks.take(huge_page), a);
}

// A model knows what is alive: blocks are aligned, do not overlap, and keep what was written to
// them.
TEST(LargeBlocks, RandomSequences) {
  for (uint32_t seed = 0; seed < 4; ++seed) {
    std::mt19937 random(seed);
    LargeBlocks blocks;
    std::map<char*, std::pair<size_t, char>> alive;
    size_t used = 0, peak = 0;
    auto release = [&](auto block) {
      const auto [data, what] = *block;
      const auto [size, mark] = what;
      for (size_t at = 0; at < size; at += page) ASSERT_EQ(data[at], mark);
      ASSERT_EQ(data[size - 1], mark);
      used -= size;
      blocks.give(data, size);
      alive.erase(block);
    };
    for (int i = 0; i < 3000; ++i) {
      if (alive.size() < 60 && random() % 2) {
        const size_t most = random() % 8 ? 600 : 6000;
        const size_t size = (random() % most + 1) * page;
        char* data = taken(blocks, size);
        ASSERT_NE(data, nullptr);
        ASSERT_EQ(uintptr_t(data) % page, 0u);
        const auto next = alive.lower_bound(data);
        ASSERT_TRUE(next == alive.end() || data + size <= next->first);
        ASSERT_TRUE(next == alive.begin() ||
                    std::prev(next)->first + std::prev(next)->second.first <= data);
        const char mark = char(i);
        for (size_t at = 0; at < size; at += page) data[at] = mark;
        data[size - 1] = mark;
        alive[data] = {size, mark};
        used += size;
        peak = std::max(peak, used);
      } else if (!alive.empty()) {
        release(std::next(alive.begin(), long(random() % alive.size())));
      }
      ASSERT_EQ(blocks.mapped(), used + blocks.idle());
      if (i % 1000 == 999) blocks.shrink(blocks.idle() / 2);
    }
    // Gaps that are no whole huge page: at most two of them, each of less than one, beside each
    // block.
    EXPECT_LE(blocks.mapped(), peak + 60 * 2 * huge_page);
    while (!alive.empty()) release(alive.begin());
    blocks.shrink(blocks.idle());
    EXPECT_EQ(blocks.mapped(), 0u);  // all merged
  }
}

TEST(Allocator, CountsWhatIsUsedAndIdle) {
  empty_cache();
  const MemoryStats before = memory_stats();
  for (size_t bytes : {size_t(100), size_t(40) << 10, size_t(256) << 10, (size_t(3) << 20) + 1}) {
    const Block block = allocate(bytes);
    EXPECT_EQ(uintptr_t(block.data) % memory_alignment, 0u);
    std::memset(block.data, 1, bytes);
    const size_t size = memory_stats().used - before.used;
    EXPECT_GE(size, bytes);
    EXPECT_LE(size, bytes + bytes / 8 + memory_alignment);
    release(block);
    EXPECT_EQ(memory_stats().used, before.used);
  }
  EXPECT_GE(memory_stats().idle, size_t(3) << 20);
  const size_t requests = memory_stats().requests;
  release(allocate(size_t(3) << 20));
  EXPECT_EQ(memory_stats().requests, requests);
  empty_cache();
  EXPECT_LT(memory_stats().idle, 2 * huge_page);
}

TEST(Allocator, ListsServeLargerBlocks) {
  empty_cache();
  std::vector<Block> blocks(256);
  for (Block& b : blocks) b = allocate(size_t(256) << 10);
  for (Block b : blocks) release(b);
  const size_t requests = memory_stats().requests;
  release(allocate(size_t(60) << 20));
  EXPECT_EQ(memory_stats().requests, requests);
}

TEST(Allocator, OutOfMemoryLeavesNothing) {
  const size_t used = memory_stats().used;
  for (int shift : {42, 46, 62}) EXPECT_THROW(allocate(size_t(1) << shift), std::exception);
  EXPECT_EQ(memory_stats().used, used);
  release(allocate(size_t(8) << 20));
}

}  // namespace
}  // namespace izvod
