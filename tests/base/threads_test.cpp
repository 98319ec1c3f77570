#include "base/threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <vector>

#include "no_threads.h"

namespace flambeau::base {
namespace {

TEST(Threads, DoEachJobOnce) {
  for (const std::size_t threads : {0u, 1u, 3u, 50u}) {
    std::vector<std::atomic<int>> done(20);
    in_threads(threads, done.size(), [&](std::size_t i) { ++done[i]; });
    for (const auto& times : done) EXPECT_EQ(times, 1) << threads;
  }
  in_threads(4, 0, [](std::size_t) { ADD_FAILURE(); });
}

TEST(Threads, RunAtOnce) {
  std::atomic<int> arrived = 0;
  in_threads(2, 2, [&](std::size_t) {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  EXPECT_EQ(arrived, 2);
}

TEST(Threads, OneTakesTheJobsInOrder) {
  std::vector<std::size_t> order;
  in_threads(1, 4, [&](std::size_t i) { order.push_back(i); });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3}));
}

TEST(Threads, WhatTheFirstJobThrewIsThrown) {
  for (int round = 0; round < 50; ++round) {
    std::atomic<int> begun = 0;
    try {
      in_threads(3, 1000, [&](std::size_t i) {
        ++begun;
        if (i > 1) throw std::bad_alloc();
        if (i == 1) throw std::runtime_error("job 1");
      });
      ADD_FAILURE() << "nothing thrown";
    } catch (const std::runtime_error& error) {
      EXPECT_STREQ(error.what(), "job 1");
    }
    EXPECT_LT(begun, 1000);
  }
}

TEST(Threads, AreFewerWhereThereAreNoMore) {
  const test::NoThreads none;
  ASSERT_THROW(std::thread([] {}), std::system_error);
  const auto here = std::this_thread::get_id();
  int done = 0;
  in_threads(4, 10, [&](std::size_t) {
    EXPECT_EQ(std::this_thread::get_id(), here);
    ++done;
  });
  EXPECT_EQ(done, 10);
}

}  // namespace
}  // namespace flambeau::base
