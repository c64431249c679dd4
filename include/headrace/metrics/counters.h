// SPDX-License-Identifier: Apache-2.0
#pragma once
// Counters, gauges and histograms with names and labels: counted without locks, read as a Value or as Prometheus text.
// A registry is passed to who counts; there is no global one. Look an instrument up once and keep the reference: it lives as long as
// the registry and its updates are a few atomic operations.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "headrace/config/value.h"

namespace headrace::metrics {

/// Only goes up. Threads: any.
class alignas(64) Counter {
 public:
  void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. Threads: any.
class alignas(64) Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

/// Counts observations in buckets with fixed upper bounds (inclusive), and one bucket above them. Threads: any.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  /// NaN is counted above all bounds. Cost: a binary search and two atomic additions.
  void observe(double value);

  std::uint64_t count() const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }
  const std::vector<double>& bounds() const { return bounds_; }
  /// Observations per bucket, the last one above all bounds.
  std::vector<std::uint64_t> buckets() const;
  /// Estimate by linear interpolation inside the bucket, as Prometheus' histogram_quantile does; NaN when nothing was observed.
  double quantile(double share) const;

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

/// `count` bounds from `first`, each `factor` times the one before: exponential_bounds(1e-6, 2, 30) for times in seconds.
std::vector<double> exponential_bounds(double first, double factor, int count);

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Owns instruments. Names follow Prometheus: [a-zA-Z_:][a-zA-Z0-9_:]*, counters end in _total, units at the end (headrace_task_seconds).
/// Asking again with the same name and labels gives the same instrument; another kind under a known name, or a bad name, is a bug.
/// Threads: any; look-ups lock, updates do not.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
  /// `bounds` must rise; they count for the first look-up of a name.
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds, const Labels& labels = {});

  /// A list of maps {name, kind, labels, value} or {name, kind, labels, count, sum, bounds, buckets}, by name, then in order of creation.
  config::Value snapshot() const;
  /// Text exposition format 0.0.4 (content type "text/plain; version=0.0.4").
  std::string prometheus() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace headrace::metrics
